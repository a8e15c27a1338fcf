//! RESIZE_NEAREST_NEIGHBOR: bytes as they are.
//!
//! Upstream: `lite/kernels/internal/reference/resize_nearest_neighbor.h`, in float32.

use crate::error::Result;
use crate::model::OpKey;
use crate::ops::signature::{FLOAT32, INT8, INT16, INT32, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

use super::{Alignment, Extents, Images};

/// Images of another size, of pixels of the input.
pub static RESIZE_NEAREST_NEIGHBOR: Registration = Registration {
    key: OpKey::Builtin(97),
    name: "RESIZE_NEAREST_NEIGHBOR",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16), INT32], outputs: &[SAME] }],
    prepare,
};

struct Nearest {
    images: Images,
    alignment: Alignment<74, 0>,
}

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    Ok(Action::run(Nearest { images: Images::new(node)?, alignment: node.options()? }))
}

impl Nearest {
    fn place(&self, at: usize, extents: Extents) -> usize {
        let Alignment { corners, half_pixels } = self.alignment;
        let scale = if corners && extents.output > 1 {
            (extents.input - 1) as f32 / (extents.output - 1) as f32
        } else {
            extents.input as f32 / extents.output as f32
        };
        let place = (at as f32 + if half_pixels { 0.5 } else { 0.0 }) * scale;
        let place = if corners { place.round() } else { place.floor() };
        (place as usize).min(extents.input - 1)
    }
}

impl Kernel for Nearest {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [output]) = io.cut([Port::Input(0)], [Port::Output(0)])?;
        let mut row = (usize::MAX, 0);
        self.images.paint((input, output), |image, y, x, output| {
            if row.0 != y {
                row = (y, self.place(y, self.images.height));
            }
            output.copy_from_slice(self.images.pixel(image, row.1, self.place(x, self.images.width))?);
            Ok(())
        })?;
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::model::tensor::TensorType::Int16;
    use crate::testing::{Field, Given, run, single};

    /// Resizes a row of int16.
    fn resize(input: &[i16], to: usize, size: [i32; 2], alignment: [i8; 2]) -> Result<Vec<i16>> {
        let tensors = [
            Given::input(Int16, &[1, 1, input.len(), 1]),
            Given::int32s(&[2], &size),
            Given::output(Int16, &[1, 1, to, 1]),
        ];
        let fields = [(0, Field::I8(alignment[0])), (1, Field::I8(alignment[1]))];
        let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
        let output = run(single(&RESIZE_NEAREST_NEIGHBOR, &tensors, Some((74, &fields))), &[&bytes])?.remove(0);
        Ok(output.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect())
    }

    #[test]
    fn pixels_are_the_nearest_by_each_alignment() {
        let rows: [([i8; 2], &[i16], &[i16]); 6] = [
            ([0, 0], &[1, 2, 3], &[1, 1, 2, 2, 3]),
            ([1, 0], &[1, 2, 3], &[1, 2, 2, 3, 3]),
            ([0, 1], &[1, 2, 3], &[1, 1, 2, 3, 3]),
            ([0, 0], &[1, 2, 3, 4, 5], &[1, 2, 4]),
            ([0, 1], &[1, 2, 3, 4, 5], &[1, 3, 5]),
            ([1, 0], &[1, 2, 3, 4, 5], &[1, 3, 5]),
        ];
        for (alignment, input, expected) in rows {
            let found = resize(input, expected.len(), [1, expected.len() as i32], alignment).unwrap();
            assert_eq!(found, expected, "{alignment:?} {}", input.len());
        }
    }

    #[test]
    fn a_size_other_than_that_of_the_output_is_refused() {
        for size in [[1, 3], [2, 2], [1, -2]] {
            let end = resize(&[1, 2, 3], 2, size, [0, 0]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid, "{size:?}");
        }
    }
}
