//! TFLite_Detection_PostProcess: from the raw boxes and scores of a detector to the best boxes that do not overlap.
//!
//! Upstream: `micro/kernels/detection_postprocess.cc`. The regular form chooses boxes for each class and keeps the best of
//! all; the fast form chooses boxes by their best class alone. Upstream sorts all boxes above the threshold and strikes out
//! what overlaps a chosen one. Here they come from a heap, best first, and are compared with those chosen before: the same
//! boxes, and most models never empty the heap.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flexbuffer::Map;
use crate::limits;
use crate::model::OpKey;
use crate::ops::signature::{FLOAT32, Signature};
use crate::ops::weights::float::{Float, floats, floats_mut, greater};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// The best boxes, their classes and scores, and how many they are.
pub static DETECTION_POSTPROCESS: Registration = Registration {
    key: OpKey::Custom(b"TFLite_Detection_PostProcess"),
    name: "TFLite_Detection_PostProcess",
    inputs: 3..=3,
    outputs: 4..=4,
    types: &[Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] }],
    prepare,
};

/// Work of comparing two boxes, in multiply-accumulates.
const OVERLAP_WORK: u64 = 8;
/// Work of decoding a box.
const DECODE_WORK: u64 = 64;

/// An index as it lies in scratch memory.
type Index = [u8; 4];

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let invalid = ErrorKind::OperatorInvalid;
    let &[1, boxes, coordinates] = node.input(0)?.shape.dimensions() else { return Err(invalid.into()) };
    let &[1, rows, columns] = node.input(1)?.shape.dimensions() else { return Err(invalid.into()) };
    ensure(coordinates >= 4 && rows == boxes && node.input(2)?.shape.dimensions() == [boxes, 4], invalid)?;
    let mut found = [0.0; 11];
    read_options(&node.custom_options()?, &mut found)?;
    let [integers @ .., least, threshold, y, x, height, width] = found;
    // Upstream takes the low 32 bits.
    let [most, classes, regular, per_class, per_box] = integers.map(|value: f64| value as i64 as i32);
    let [least, threshold, y, x, height, width] = [least, threshold, y, x, height, width].map(|value| value as f32);
    let regular = regular != 0;
    let (per_class, per_box) = if regular { (per_class, 1) } else { (most, per_box.min(classes)) };
    // The first column may be the background's.
    let counts = most > 0 && classes > 0 && per_class > 0 && per_box > 0;
    ensure(counts && columns.wrapping_sub(classes as usize) <= 1, invalid)?;
    ensure(threshold > 0.0 && threshold <= 1.0, invalid)?;
    let [most, classes, per_class, per_box] = [most, classes, per_class, per_box].map(|count| count as usize);
    for (at, values) in [4, 1, 1].into_iter().enumerate() {
        // In the fast form what a class too many leads to is found out when it happens.
        let needed = if regular { most as u64 * values } else { 0 };
        ensure(needed <= node.output(at)?.shape.elements() as u64, invalid)?;
    }
    node.output(3)?;
    let chosen = per_class.min(boxes);
    let passes = if regular { classes as u64 } else { 1 };
    // Each step down the heap compares twice.
    let sorting = 3 * u64::from(usize::BITS - boxes.leading_zeros());
    request.comparisons(boxes as u64 * columns as u64);
    request.comparisons(passes * boxes as u64 * (sorting + chosen as u64 * OVERLAP_WORK));
    let ranking = if regular { passes * most as u64 } else { per_box as u64 * classes as u64 };
    request.comparisons(ranking.saturating_mul(chosen as u64));
    request.macs(boxes as u64 * DECODE_WORK);
    // As many and as large as upstream's, of which some are left alone.
    let [wide, ranked, fewest] = [most, classes.max(most), boxes.min(most)].map(|count| 4 * count as u64);
    let rows = [1, 16, 4 * columns as u64, 4, 4, wide, wide, 4, wide, ranked, fewest];
    let mut scratch = [Port::Output(0); 11];
    for (port, bytes) in scratch.iter_mut().zip(rows) {
        let size = boxes as u64 * bytes;
        ensure(size <= limits::ARENA_BYTES as u64, ErrorKind::ArenaTooSmall)?;
        *port = request.scratch(size as usize);
    }
    let [_, corners, _, selected, class_scores, best, _, candidates, ..] = scratch;
    Ok(Action::run(Detection {
        coordinates,
        columns,
        background: columns - classes,
        most,
        per_class,
        per_box,
        regular,
        least,
        threshold,
        scales: [y, x, height, width],
        scratch: [corners, selected, class_scores, candidates, best],
    }))
}

/// The attributes in the order that `prepare` has them.
#[inline(never)]
fn read_options(options: &Map<'_>, values: &mut [f64]) -> Result<()> {
    let names = [
        "max_detections",
        "num_classes",
        "use_regular_nms",
        "detections_per_class",
        "max_classes_per_detection",
        "nms_score_threshold",
        "nms_iou_threshold",
        "y_scale",
        "x_scale",
        "h_scale",
        "w_scale",
    ];
    for (slot, name) in values.iter_mut().zip(names) {
        *slot = match options.get(name)? {
            Some(value) => value.float()?,
            // The only one that has a value where it is missing.
            None if name == "detections_per_class" => 100.0,
            None => 0.0,
        };
    }
    Ok(())
}

struct Detection {
    /// Values of a box in the input, of which four are read.
    coordinates: usize,
    /// Classes in the input.
    columns: usize,
    /// How many columns are not classes.
    background: usize,
    /// Detections at most.
    most: usize,
    per_class: usize,
    /// Classes of a detection, in the fast form.
    per_box: usize,
    regular: bool,
    /// The least score of a detection.
    least: f32,
    /// How much two detections may overlap.
    threshold: f32,
    /// Of y, x, height and width.
    scales: [f32; 4],
    scratch: [Port; 5],
}

impl Kernel for Detection {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let [corners, selected, class_scores, candidates, best] = self.scratch;
        let inputs = [Port::Input(0), Port::Input(1), Port::Input(2)];
        let outputs = [Port::Output(0), Port::Output(1), Port::Output(2), Port::Output(3)];
        let [boxes, classes, scores, count] = outputs;
        let written = [corners, selected, class_scores, candidates, best, boxes, classes, scores, count];
        let ([encodings, input, anchors], written) = io.cut(inputs, written)?;
        let [corners, selected, class_scores, candidates, best, boxes, classes, scores, count] = written.map(floats_mut);
        self.decode(floats(encodings), floats(anchors), corners)?;
        let corners = corners.as_chunks::<4>().0;
        let mut work = Suppression { detection: self, corners, scores: class_scores, candidates, selected };
        let mut rows = Rows { corners, boxes: boxes.as_chunks_mut::<4>().0, classes, scores };
        let input = floats(input);
        let found = if self.regular {
            self.regular(input, &mut work, best, &mut rows)?
        } else {
            self.fast(input, &mut work, &mut rows)?
        };
        if let Some(count) = count.first_mut() {
            *count = (found as f32).to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

impl Detection {
    /// Corners of all boxes from their centres and sizes; in f64, as upstream. Refuses boxes that are turned inside out.
    #[inline(never)]
    fn decode(&self, encodings: &[Float], anchors: &[Float], corners: &mut [Float]) -> Result<()> {
        let all = encodings.chunks_exact(self.coordinates).zip(anchors.as_chunks::<4>().0);
        for ((encoding, anchor), corners) in all.zip(corners.as_chunks_mut::<4>().0) {
            let wide = |values: &[Float], at: usize| values.get(at).map_or(0.0, |value| f64::from(f32::from_le_bytes(*value)));
            let [low_y, low_x, high_y, high_x] = corners;
            for (axis, low, high) in [(0, low_y, high_y), (1, low_x, high_x)] {
                let [at, size] = [axis, axis + 2].map(|at| wide(encoding, at) / f64::from(self.scales[at]));
                let extent = wide(anchor, axis + 2);
                let centre = (at * extent + wide(anchor, axis)) as f32;
                let half = (0.5 * size.exp() * extent) as f32;
                let (least, greatest) = (centre - half, centre + half);
                // Not a number is let through, as upstream.
                let inverted = least >= greatest;
                ensure(!inverted, ErrorKind::OperatorInvalid)?;
                (*low, *high) = (least.to_le_bytes(), greatest.to_le_bytes());
            }
        }
        Ok(())
    }

    /// Chooses boxes class by class, and keeps the best of all. Gives how many.
    #[inline(never)]
    fn regular(&self, input: &[Float], work: &mut Suppression<'_>, best: &mut [Index], rows: &mut Rows<'_>) -> Result<usize> {
        let (mut kept, score) = (0, |at: usize| value(input, at));
        let best = best.get_mut(..self.most).ok_or(ErrorKind::EngineInternal)?;
        for column in self.background..self.columns {
            for (slot, scores) in work.scores.iter_mut().zip(input.chunks_exact(self.columns)) {
                *slot = value(scores, column).to_le_bytes();
            }
            let chosen = work.choose(self.per_class);
            // The chosen are sorted: behind the first that finds no place are none that would.
            for &chosen in work.selected.iter().take(chosen) {
                let new = index(chosen) * self.columns + column;
                let place = best.iter().take(kept).take_while(|old| score(index(**old)) >= score(new)).count();
                let Some(behind) = best.get_mut(place..) else { break };
                if behind.is_empty() {
                    break;
                }
                behind.rotate_right(1);
                if let Some(slot) = behind.first_mut() {
                    *slot = (new as u32).to_le_bytes();
                }
                kept = (kept + 1).min(self.most);
            }
        }
        for (row, found) in best.iter().enumerate() {
            let found = index(*found);
            let (at, column) = (found / self.columns, found % self.columns);
            if row < kept {
                rows.write(row, at, column - self.background, score(found))?;
            } else {
                rows.clear(row)?;
            }
        }
        Ok(kept)
    }

    /// Chooses boxes by their best class. Rows behind the last are left as they are. Gives how many.
    #[inline(never)]
    fn fast(&self, input: &[Float], work: &mut Suppression<'_>, rows: &mut Rows<'_>) -> Result<usize> {
        for (slot, row) in work.scores.iter_mut().zip(input.chunks_exact(self.columns)) {
            *slot = value(row, self.best_class(row, None)).to_le_bytes();
        }
        let chosen = work.choose(self.most);
        let mut found = 0;
        for &chosen in work.selected.iter().take(chosen) {
            let row = input.chunks_exact(self.columns).nth(index(chosen)).ok_or(ErrorKind::EngineInternal)?;
            let mut class = None;
            for column in 0..self.per_box {
                let next = self.best_class(row, class);
                // The count of rows grows within the loop and is multiplied all the same: upstream leaves out rows, and
                // writes behind the end of its tensors where this is an error.
                let place = found * self.per_box + column;
                rows.write(place, index(chosen), next - self.background, value(row, next))?;
                (class, found) = (Some(next), found + 1);
            }
        }
        Ok(found)
    }

    /// The column of the best class of a box, or the one that comes after another: by score, then by number.
    #[inline(never)]
    fn best_class(&self, row: &[Float], after: Option<usize>) -> usize {
        let mut best: Option<usize> = None;
        for column in self.background..self.columns {
            let follows = after.is_none_or(|after| before((value(row, after), after), (value(row, column), column)));
            if follows && best.is_none_or(|best| before((value(row, column), column), (value(row, best), best))) {
                best = Some(column);
            }
        }
        // None only among scores that are not numbers.
        best.or(after).unwrap_or(self.background)
    }
}

/// What choosing boxes takes.
struct Suppression<'a> {
    detection: &'a Detection,
    corners: &'a [[Float; 4]],
    /// One for each box.
    scores: &'a mut [Float],
    /// Room for the heap.
    candidates: &'a mut [Index],
    /// The chosen boxes, best first.
    selected: &'a mut [Index],
}

impl Suppression<'_> {
    /// Chooses the best boxes such that none overlaps a better one too much. Gives how many.
    fn choose(&mut self, most: usize) -> usize {
        let Self { detection, corners, scores, candidates, selected } = self;
        let mut left = 0;
        for at in 0..scores.len() {
            if value(scores, at) >= detection.least
                && let Some(slot) = candidates.get_mut(left)
            {
                *slot = (at as u32).to_le_bytes();
                left += 1;
            }
        }
        let mut heap = candidates.get_mut(..left).unwrap_or(&mut []);
        for root in (0..left / 2).rev() {
            sift(heap, scores, root);
        }
        let mut chosen = 0;
        while chosen < most {
            let Some((last, rest)) = heap.split_last_mut() else { break };
            // The best goes to the end, and the last takes its place.
            if let Some(first) = rest.first_mut() {
                core::mem::swap(first, last);
            }
            let next = *last;
            heap = rest;
            sift(heap, scores, 0);
            let corner = |at: Index| corners.get(index(at));
            let overlaps = |old: &Index| {
                let pair = corner(*old).zip(corner(next));
                pair.is_some_and(|(old, new)| overlap(old, new) > detection.threshold)
            };
            if selected.iter().take(chosen).any(overlaps) {
                continue;
            }
            let Some(slot) = selected.get_mut(chosen) else { break };
            *slot = next;
            chosen += 1;
        }
        chosen
    }
}

/// The tensors of the output, row by row.
struct Rows<'a> {
    corners: &'a [[Float; 4]],
    boxes: &'a mut [[Float; 4]],
    classes: &'a mut [Float],
    scores: &'a mut [Float],
}

impl Rows<'_> {
    fn write(&mut self, row: usize, at: usize, class: usize, score: f32) -> Result<()> {
        let corners = self.corners.get(at).ok_or(ErrorKind::EngineInternal)?;
        self.set(row, *corners, class as f32, score)
    }

    fn clear(&mut self, row: usize) -> Result<()> {
        self.set(row, [[0; 4]; 4], 0.0, 0.0)
    }

    #[inline(never)]
    fn set(&mut self, row: usize, corners: [Float; 4], class: f32, score: f32) -> Result<()> {
        let slots = self.boxes.get_mut(row).zip(self.classes.get_mut(row)).zip(self.scores.get_mut(row));
        let ((boxes, classes), scores) = slots.ok_or(ErrorKind::OperatorInvalid)?;
        (*boxes, *classes, *scores) = (corners, class.to_le_bytes(), score.to_le_bytes());
        Ok(())
    }
}

/// Lets an entry of a heap sink to where it belongs.
fn sift(heap: &mut [Index], scores: &[Float], root: usize) {
    let key = |heap: &[Index], at: usize| heap.get(at).map(|entry| (value(scores, index(*entry)), index(*entry)));
    let mut at = root;
    loop {
        let mut greatest = at;
        for child in [2 * at + 1, 2 * at + 2] {
            if let Some((child_key, greatest_key)) = key(heap, child).zip(key(heap, greatest))
                && before(child_key, greatest_key)
            {
                greatest = child;
            }
        }
        if greatest == at {
            return;
        }
        heap.swap(at, greatest);
        at = greatest;
    }
}

/// By score, and by place where scores are equal.
fn before((score, at): (f32, usize), (other_score, other_at): (f32, usize)) -> bool {
    score > other_score || score == other_score && at < other_at
}

/// What two boxes have in common, as a part of what they cover together.
fn overlap(one: &[Float; 4], other: &[Float; 4]) -> f32 {
    let [one, other] = [one, other].map(|corners| corners.map(f32::from_le_bytes));
    let area = |[low_y, low_x, high_y, high_x]: [f32; 4]| (high_y - low_y) * (high_x - low_x);
    let areas = [area(one), area(other)];
    if areas[0] <= 0.0 || areas[1] <= 0.0 {
        return 0.0;
    }
    // C++'s `std::min`.
    let least = |least: f32, value: f32| if value < least { value } else { least };
    let height = greater(least(one[2], other[2]) - greater(one[0], other[0]), 0.0);
    let width = greater(least(one[3], other[3]) - greater(one[1], other[1]), 0.0);
    let common = height * width;
    common / (areas[0] + areas[1] - common)
}

fn value(values: &[Float], at: usize) -> f32 {
    values.get(at).map_or(0.0, |value| f32::from_le_bytes(*value))
}

fn index(entry: Index) -> usize {
    u32::from_le_bytes(entry) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::Float32;
    use crate::testing::{Given, Random, bytes_of, custom, floats_of, run};

    const OPTIONS: [(&str, &str); 11] = [
        ("detections_per_class", "5"),
        ("h_scale", "1.0"),
        ("max_classes_per_detection", "1"),
        ("max_detections", "3"),
        ("nms_iou_threshold", "0.5"),
        ("nms_score_threshold", "0.1"),
        ("num_classes", "2"),
        ("use_regular_nms", "0"),
        ("w_scale", "1.0"),
        ("x_scale", "1.0"),
        ("y_scale", "1.0"),
    ];

    fn with<'a>(changes: &[(&str, &'a str)]) -> Vec<(&'static str, &'a str)> {
        let change = |(name, value): (&'static str, &'static str)| {
            (name, changes.iter().find(|(changed, _)| *changed == name).map_or(value, |(_, value)| *value))
        };
        OPTIONS.into_iter().map(change).collect()
    }

    /// A detector's last step; anchors lie side by side and are one wide and high.
    struct Detector {
        options: Vec<(&'static str, &'static str)>,
        /// `[box][background, classes]`.
        scores: Vec<f32>,
        /// Centres beside the anchors'.
        encodings: Vec<f32>,
        anchors: Vec<f32>,
        rows: usize,
    }

    impl Detector {
        fn new(changes: &[(&str, &'static str)], scores: &[[f32; 3]]) -> Self {
            Self {
                options: with(changes),
                scores: scores.concat(),
                encodings: vec![0.0; 4 * scores.len()],
                anchors: (0..scores.len()).flat_map(|at| [0.0, 2.0 * at as f32, 1.0, 1.0]).collect(),
                rows: 3,
            }
        }

        /// Corners, classes, scores and the count.
        fn run(&self) -> Result<[Vec<f32>; 4]> {
            let boxes = self.anchors.len() / 4;
            let tensors = [
                Given::input(Float32, &[1, boxes, self.encodings.len() / boxes]),
                Given::input(Float32, &[1, boxes, self.scores.len() / boxes]),
                Given::floats(&[boxes, 4], &self.anchors),
                Given::output(Float32, &[1, self.rows, 4]),
                Given::output(Float32, &[1, self.rows]),
                Given::output(Float32, &[1, self.rows]),
                Given::output(Float32, &[1]),
            ];
            let model = custom(&DETECTION_POSTPROCESS, &tensors, &self.options);
            let outputs = run(model, &[&bytes_of(&self.encodings), &bytes_of(&self.scores)])?;
            let outputs: Vec<_> = outputs.iter().map(|bytes| floats_of(bytes)).collect();
            Ok(outputs.try_into().unwrap())
        }

        fn end(&self) -> Option<ErrorKind> {
            self.run().err().map(|error| error.kind())
        }
    }

    const REGULAR: (&str, &str) = ("use_regular_nms", "1");

    #[test]
    fn the_best_boxes_of_all_classes_come_first_and_empty_rows_are_cleared() {
        let scores = [[0.9, 0.3, 0.2], [0.9, 0.05, 0.8], [0.9, 0.0, 0.0]];
        let [corners, classes, found, count] = Detector::new(&[REGULAR, ("max_detections", "3")], &scores).run().unwrap();
        assert_eq!((classes, found, count), (vec![1.0, 0.0, 1.0], vec![0.8, 0.3, 0.2], vec![3.0]));
        assert_eq!(corners, [[-0.5, 1.5, 0.5, 2.5], [-0.5, -0.5, 0.5, 0.5], [-0.5, -0.5, 0.5, 0.5]].concat());
        let [corners, classes, found, count] = Detector::new(&[REGULAR, ("nms_score_threshold", "0.25")], &scores).run().unwrap();
        assert_eq!((classes, found, count), (vec![1.0, 0.0, 0.0], vec![0.8, 0.3, 0.0], vec![2.0]));
        assert_eq!(corners[8..], [0.0; 4]);
    }

    #[test]
    fn a_box_that_overlaps_a_better_one_of_its_class_is_left_out() {
        // The second is beside its anchor such that it covers three quarters of the first.
        let scores = [[0.0, 0.5, 0.6], [0.0, 0.9, 0.1]];
        for (shift, expected) in [(-1.75, [0.9, 0.6, 0.0]), (-1.25, [0.9, 0.6, 0.5])] {
            let mut detector = Detector::new(&[REGULAR, ("nms_score_threshold", "0.2")], &scores);
            detector.encodings[5] = shift;
            assert_eq!(detector.run().unwrap()[2], expected, "{shift}");
        }
    }

    #[test]
    fn the_fast_form_knows_the_best_class_of_a_box_only() {
        let scores = [[0.9, 0.3, 0.2], [0.9, 0.05, 0.8], [0.9, 0.4, 0.4], [0.9, 0.01, 0.02]];
        let [corners, classes, found, count] = Detector::new(&[], &scores).run().unwrap();
        assert_eq!((classes, found, count), (vec![1.0, 0.0, 0.0], vec![0.8, 0.4, 0.3], vec![3.0]));
        assert_eq!(corners[4..8], [-0.5, 3.5, 0.5, 4.5]);
        let three: Vec<[f32; 3]> = vec![[0.5, 0.1, 0.2]; 2];
        let mut detector = Detector::new(&[("num_classes", "3"), ("max_detections", "2")], &three);
        detector.rows = 2;
        assert_eq!(detector.run().unwrap()[1], [0.0, 0.0]);
    }

    #[test]
    fn several_classes_of_a_box_leave_out_rows_as_upstream_and_never_leave_the_tensor() {
        let scores = [[0.0, 0.3, 0.2], [0.0, 0.5, 0.8]];
        let mut detector = Detector::new(&[("max_classes_per_detection", "2"), ("max_detections", "2")], &scores);
        detector.rows = 8;
        let [_, classes, found, count] = detector.run().unwrap();
        // Rows 0 and 2 + 1, then 4 and 6 + 1.
        assert_eq!(found, [0.8, 0.0, 0.0, 0.5, 0.3, 0.0, 0.0, 0.2]);
        assert_eq!((&classes[..4], count[0]), (&[1.0, 0.0, 0.0, 0.0][..], 4.0));
        detector.rows = 7;
        assert_eq!(detector.end(), Some(ErrorKind::OperatorInvalid));
    }

    #[test]
    fn sizes_are_exponents_and_scales_divide() {
        let mut detector = Detector::new(&[("y_scale", "10.0"), ("h_scale", "5.0"), ("max_detections", "1")], &[[0.0, 0.5, 0.1]]);
        (detector.encodings, detector.anchors) = (vec![20.0, 1.0, 5.0, 0.0], vec![1.0, 0.5, 4.0, 2.0]);
        let half = (0.5 * 1f64.exp() * 4.0) as f32;
        assert_eq!(detector.run().unwrap()[0][..4], [9.0 - half, 1.5, 9.0 + half, 3.5]);
    }

    #[test]
    fn boxes_without_extent_are_an_error_of_the_inference() {
        let mut detector = Detector::new(&[], &[[0.0, 0.5, 0.1]]);
        detector.anchors[3] = -1.0;
        assert_eq!(detector.end(), Some(ErrorKind::OperatorInvalid));
    }

    #[test]
    fn attributes_out_of_their_range_are_refused() {
        let changes = [
            ("max_detections", "0"),
            ("max_detections", "-1"),
            ("max_detections", "4"),
            ("detections_per_class", "0"),
            ("num_classes", "0"),
            ("num_classes", "1"),
            ("num_classes", "4"),
            ("nms_iou_threshold", "0.0"),
            ("nms_iou_threshold", "1.5"),
            ("nms_iou_threshold", "nan"),
        ];
        for change in changes {
            let end = Detector::new(&[REGULAR, change], &[[0.0; 3]]).end();
            assert_eq!(end, Some(ErrorKind::OperatorInvalid), "{change:?}");
        }
        let none = Detector::new(&[("max_classes_per_detection", "0")], &[[0.0; 3]]).end();
        assert_eq!(none, Some(ErrorKind::OperatorInvalid));
        let vast = Detector::new(&[("max_detections", "2147483647")], &[[0.0; 3]]).end();
        assert_eq!(vast, Some(ErrorKind::ArenaTooSmall));
    }

    #[test]
    fn many_boxes_of_many_classes_are_too_much_work() {
        let mut detector = Detector::new(&[REGULAR, ("detections_per_class", "10000")], &[[0.0; 3]; 20_000]);
        detector.rows = 3;
        assert_eq!(detector.end(), Some(ErrorKind::ModelTooHeavy));
    }

    /// Sorts all that is above the threshold and strikes out what overlaps.
    fn plain(detector: &Detector, column: usize, most: usize) -> Vec<usize> {
        let boxes = detector.anchors.len() / 4;
        let score = |at: &usize| detector.scores[at * 3 + column];
        let mut left: Vec<usize> = (0..boxes).filter(|at| score(at) >= 0.1).collect();
        left.sort_by(|one, other| score(other).total_cmp(&score(one)));
        let mut chosen = Vec::new();
        while chosen.len() < most && !left.is_empty() {
            let best = left.remove(0);
            let centre = |at: usize| detector.encodings[4 * at + 1] + detector.anchors[4 * at + 1];
            left.retain(|&other| {
                let common = (1.0 - (centre(best) - centre(other)).abs()).max(0.0);
                common / (2.0 - common) <= 0.5
            });
            chosen.push(best);
        }
        chosen
    }

    #[test]
    fn random_boxes_are_chosen_as_by_sorting_and_striking_out() {
        let mut random = Random::new(6);
        for _ in 0..200 {
            let boxes = 1 + random.below(40);
            // Few different scores, so that many are equal.
            let scores: Vec<_> = (0..boxes).map(|_| [0, 1, 2].map(|_| random.below(6) as f32 / 10.0)).collect();
            let mut detector = Detector::new(&[REGULAR, ("max_detections", "10")], &scores);
            detector.rows = 10;
            for (at, encoding) in detector.encodings.chunks_exact_mut(4).enumerate() {
                encoding[1] = random.below(100) as f32 / 8.0 - 2.0 * at as f32;
            }
            let mut expected = Vec::new();
            for column in [1, 2] {
                expected.extend(plain(&detector, column, 5).iter().map(|at| (scores[*at][column], column - 1)));
                expected.sort_by(|one: &(f32, usize), other| other.0.total_cmp(&one.0));
                expected.truncate(10);
            }
            let [_, classes, found, count] = detector.run().unwrap();
            assert_eq!(count[0] as usize, expected.len());
            for (row, (score, class)) in expected.into_iter().enumerate() {
                assert_eq!((found[row], classes[row]), (score, class as f32));
            }
        }
    }

    #[test]
    fn random_bits_are_refused_or_end() {
        let mut random = Random::new(7);
        for round in 0..500 {
            let any = |random: &mut Random, count: usize| floats_of(&random.bytes(4 * count));
            let boxes = 1 + random.below(9);
            let changes: &[_] = if round % 2 == 0 { &[REGULAR] } else { &[("max_classes_per_detection", "2")] };
            let mut detector = Detector::new(changes, &vec![[0.0; 3]; boxes]);
            detector.scores = any(&mut random, 3 * boxes);
            if random.below(2) == 0 {
                detector.encodings = any(&mut random, 4 * boxes);
            } else {
                // What is not a number gets through as a box.
                detector.encodings[random.below(4 * boxes)] = f32::NAN;
            }
            assert!(matches!(detector.end(), None | Some(ErrorKind::OperatorInvalid)));
        }
    }
}
