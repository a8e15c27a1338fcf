//! UNIDIRECTIONAL_SEQUENCE_LSTM: float32, and int8 or int16 with int8 weights.
//!
//! Upstream: `micro/kernels/unidirectional_sequence_lstm.cc`, `lstm_eval.h`, `lstm_eval_common.cc`. No peepholes, projection or layer
//! normalisation. Hidden and cell state are variables among the inputs.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::integer;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::conv::Geometry;
use crate::ops::conv::float::{Layer, layer};
use crate::ops::signature::{ANY, FLOAT32, INT8, INT16, Signature};
use crate::ops::unary::{Rescale, bend, sigmoid, sigmoid_table};
use crate::ops::weights::float::{self, Bounds, Float, floats, floats_mut};
use crate::ops::weights::int8;
use crate::ops::weights::int16::Bias;
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request, allocate, gather};
use crate::run::io::{Io, Port};
use crate::simd::Format;
use crate::simd::image;
use crate::simd::product;
use crate::simd::requantise::LANES;
use crate::simd::shorts::write;

/// A layer that remembers.
pub static UNIDIRECTIONAL_SEQUENCE_LSTM: Registration = Registration {
    key: OpKey::Builtin(44),
    name: "UNIDIRECTIONAL_SEQUENCE_LSTM",
    inputs: 20..=24,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[FLOAT32, ANY], outputs: &[FLOAT32] },
        Signature { inputs: &[INT8, ANY], outputs: &[INT8] },
        Signature { inputs: &[INT16, ANY], outputs: &[INT16] },
    ],
    prepare,
};

struct LstmOptions {
    cell_clip: f32,
    time_major: bool,
}

impl Options for LstmOptions {
    const MEMBER: u8 = 71;

    fn read(table: &Table<'_>) -> Result<Self> {
        /// The schema's number; the only one that upstream executes.
        const TANH: i8 = 4;
        ensure(table.scalar::<i8>(0, 0)? == TANH, ErrorKind::OperatorInvalid)?;
        let cell_clip: f32 = table.scalar(1, 0.0)?;
        ensure(cell_clip.is_finite(), ErrorKind::OperatorInvalid)?;
        Ok(Self { cell_clip, time_major: table.scalar::<i8>(3, 0)? != 0 })
    }
}

const HIDDEN: usize = 18;
const CELL: usize = 19;
/// Peepholes, projection, layer normalisation.
const LEFT_OUT: [usize; 9] = [9, 10, 11, 16, 17, 20, 21, 22, 23];

#[derive(Clone, Copy)]
struct Sizes {
    batches: usize,
    times: usize,
    inputs: usize,
    units: usize,
    time_major: bool,
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let LstmOptions { cell_clip, time_major } = node.options()?;
    let invalid = ErrorKind::OperatorInvalid;
    let (input, hidden, cell, output) = (node.input(0)?, node.input(HIDDEN)?, node.input(CELL)?, node.output(0)?);
    let &[first, second, inputs] = input.shape.dimensions() else { return Err(invalid.into()) };
    let (batches, times) = if time_major { (second, first) } else { (first, second) };
    let units = output.shape.last();
    let sizes = Sizes { batches, times, inputs, units, time_major };
    ensure(output.shape.dimensions() == [first, second, units], invalid)?;
    for state in [hidden, cell] {
        ensure(state.shape.elements() == batches * units, invalid)?;
    }
    for position in LEFT_OUT {
        let given = node.operator.inputs.get(position).copied().flatten();
        ensure(given.is_none(), ErrorKind::FeatureUnsupported)?;
    }
    for gate in 0..4 {
        ensure(node.input(1 + gate)?.shape.dimensions() == [units, inputs], invalid)?;
        ensure(node.input(5 + gate)?.shape.dimensions() == [units, units], invalid)?;
    }
    ensure(hidden.element_type == input.element_type, ErrorKind::TypeUnsupported)?;
    request.mutates(HIDDEN);
    request.mutates(CELL);
    request.macs((batches * times * units) as u64 * 4 * (inputs + units) as u64);
    let width = cell.element_type.bits() / 8;
    let mut gate = || request.scratch(batches * units * width);
    let gates = [gate(), gate(), gate(), gate()];
    if input.element_type == TensorType::Float32 {
        ensure(cell.element_type == TensorType::Float32, ErrorKind::TypeUnsupported)?;
        return prepare_float(node, request, sizes, (gates, cell_clip));
    }
    ensure(cell.element_type == TensorType::Int16, ErrorKind::TypeUnsupported)?;
    prepare_integer(node, request, sizes, (gates, cell_clip))
}

/// The bytes of one batch at one time.
struct Step<'a> {
    input: &'a [u8],
    output: &'a mut [u8],
    hidden: &'a mut [u8],
    cell: &'a mut [u8],
    /// The gates before they are bent, in the order of the file.
    gates: [&'a mut [u8]; 4],
    workspace: &'a mut [u8],
}

impl Sizes {
    /// Visits batches and times in order. Batches do not know each other.
    ///
    /// `width` is that of an element of input and hidden state.
    fn each(
        &self,
        io: &mut Io<'_>,
        [first, second, third, fourth]: [Port; 4],
        (width, cell_width): (usize, usize),
        mut visit: impl FnMut(Step<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { batches, times, inputs, units, time_major } = *self;
        let write = [Port::Input(HIDDEN), Port::Input(CELL), Port::Output(0), first, second, third, fourth];
        let (([input], [hidden, cell, output, first, second, third, fourth]), workspace) =
            io.cut_with_workspace([Port::Input(0)], write)?;
        let internal = ErrorKind::EngineInternal;
        for (batch, time) in (0..batches).flat_map(|batch| (0..times).map(move |time| (batch, time))) {
            let at = if time_major { time * batches + batch } else { batch * times + time };
            let row = |at: usize, elements: usize, width: usize| at * elements * width..(at + 1) * elements * width;
            visit(Step {
                input: input.get(row(at, inputs, width)).ok_or(internal)?,
                output: output.get_mut(row(at, units, width)).ok_or(internal)?,
                hidden: hidden.get_mut(row(batch, units, width)).ok_or(internal)?,
                cell: cell.get_mut(row(batch, units, cell_width)).ok_or(internal)?,
                gates: [&mut *first, &mut *second, &mut *third, &mut *fourth],
                workspace: &mut *workspace,
            })?;
        }
        Ok(())
    }
}

struct FloatGate {
    /// With the bias of the gate.
    input: Box<dyn Layer>,
    hidden: Box<dyn Layer>,
}

struct FloatLstm {
    sizes: Sizes,
    /// Input, forget, cell and output gate.
    gates: Vec<FloatGate>,
    scratch: [Port; 4],
    clip: f32,
}

fn prepare_float(
    node: &Node<'_>,
    request: &mut Request,
    sizes: Sizes,
    (scratch, clip): ([Port; 4], f32),
) -> Result<Action> {
    let Sizes { inputs, units, .. } = sizes;
    let mut layer = |weights: usize, depth: usize, bias: Vec<f32>| {
        let weights = float::weights(node, node.input(weights)?)?;
        layer(request, Geometry::rows(1, depth, units), (&weights, bias), Bounds::NONE)
    };
    let gate = |gate: usize| -> Result<FloatGate> {
        let input = layer(1 + gate, inputs, float::bias(node, 12 + gate, units)?)?;
        Ok(FloatGate { input, hidden: layer(5 + gate, units, allocate(units, 0.0)?)? })
    };
    let gates = gather(4, (0..4).map(gate))?;
    Ok(Action::run(FloatLstm { sizes, gates, scratch, clip }))
}

impl FloatGate {
    /// What goes into the gate of each unit. The two products are summed by themselves, as upstream does.
    #[inline(never)]
    fn compute(&self, input: &[Float], hidden: &[Float], values: &mut [Float], others: &mut [Float]) -> Result<()> {
        let values = values.get_mut(..others.len()).ok_or(ErrorKind::EngineInternal)?;
        self.input.run(input, values)?;
        self.hidden.run(hidden, others)?;
        for (value, other) in values.iter_mut().zip(others) {
            *value = (f32::from_le_bytes(*value) + f32::from_le_bytes(*other)).to_le_bytes();
        }
        Ok(())
    }
}

impl Kernel for FloatLstm {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        self.sizes.each(io, self.scratch, (4, 4), |step| {
            let Step { input, output, hidden, cell, gates, .. } = step;
            let [by, forget, memory, out] = gates;
            for (values, gate) in [&mut *by, &mut *forget, &mut *memory, &mut *out].into_iter().zip(&self.gates) {
                gate.compute(floats(input), floats(hidden), floats_mut(values), floats_mut(output))?;
            }
            let gates = floats(by).iter().zip(floats(forget)).zip(floats(memory)).zip(floats(out));
            let states = floats_mut(cell).iter_mut().zip(floats_mut(hidden)).zip(floats_mut(output));
            for (((cell, hidden), output), (((by, forget), memory), out)) in states.zip(gates) {
                let open = |gate: &[u8; 4]| sigmoid(f32::from_le_bytes(*gate));
                let kept = open(forget) * f32::from_le_bytes(*cell);
                let mut value = kept + open(by) * f32::from_le_bytes(*memory).tanh();
                if self.clip > 0.0 {
                    value = value.min(self.clip).max(-self.clip);
                }
                *cell = value.to_le_bytes();
                *hidden = (value.tanh() * open(out)).to_le_bytes();
                *output = *hidden;
            }
            Ok(())
        })?;
        Ok(Flow::Next)
    }
}

/// One of the two products of a gate, each of which is rescaled to 2^-12 by itself.
struct Product {
    /// `[unit][input]`.
    weights: Vec<i8>,
    zero_point: i32,
    bias: Bias,
    multiplier: Multiplier,
}

impl Product {
    fn new(node: &Node<'_>, values: &Tensor, weights: usize, bias: Option<usize>, units: usize) -> Result<Self> {
        let tensor = node.input(weights)?;
        let ((scale, zero_point), (weight_scale, weight_from)) = (values.affine()?, tensor.affine()?);
        ensure(weight_from == 0, ErrorKind::QuantisationInvalid)?;
        let narrow = values.element_type == TensorType::Int8;
        let bias = match bias {
            Some(position) => Bias::read(node, position, units, narrow)?,
            None if narrow => Bias::Narrow(allocate(units, 0)?),
            None => Bias::Wide(allocate(units, 0)?),
        };
        ensure(matches!(bias, Bias::Narrow(_)) == narrow, ErrorKind::TypeUnsupported)?;
        let multiplier = Multiplier::new(f64::from(scale) * f64::from(weight_scale) * 4096.0)?;
        bias.check(&[multiplier])?;
        Ok(Self { weights: int8::weights(node, tensor)?, zero_point, bias, multiplier })
    }

    /// The product of one unit.
    fn of(&self, element_type: TensorType, values: &[u8], unit: usize) -> i32 {
        let width = element_type.bits() / 8;
        let depth = values.len() / width;
        let weights = self.weights.get(unit * depth..(unit + 1) * depth).unwrap_or(&[]);
        let products = values.chunks_exact(width).zip(weights);
        let sum = products.fold(0i64, |sum, (value, weight)| {
            sum + (integer::read(element_type, value) - i64::from(self.zero_point)) * i64::from(*weight)
        });
        i32::from(self.bias.finish(unit, sum, self.multiplier, SHORT))
    }
}

/// All of int16.
const SHORT: OutputStage = OutputStage { zero_point: 0, low: -32768, high: 32767 };

/// Of input and hidden state, for the input, forget, cell and output gate.
enum Gates {
    Plain(Vec<[Product; 2]>),
    /// By eight units: all products in a row, and the zero points of input and hidden state.
    Fast(Vec<product::Product>, [i32; 2]),
}

impl Gates {
    /// The fast ones for int8, where their sums fit.
    fn new(plain: Vec<[Product; 2]>, sizes: Sizes, element_type: TensorType, request: &mut Request) -> Result<Self> {
        if request.is_fast() && element_type == TensorType::Int8
            && let Some(fast) = Self::fast(&plain, sizes)?
        {
            request.packed(fast.iter().map(product::Product::packed).sum());
            request.workspace(fast.iter().take(2).map(product::Product::row_bytes).sum());
            let zero_points = plain.first().map_or([0; 2], |[of_input, of_hidden]| [of_input.zero_point, of_hidden.zero_point]);
            return Ok(Self::Fast(fast, zero_points));
        }
        request.packed(4 * sizes.units * (sizes.inputs + sizes.units + 8));
        Ok(Self::Plain(plain))
    }

    fn fast(plain: &[[Product; 2]], sizes: Sizes) -> Result<Option<Vec<product::Product>>> {
        let mut fast = Vec::new();
        fast.try_reserve_exact(2 * plain.len()).map_err(|_| ErrorKind::MemoryExhausted)?;
        for (product, depth) in plain.iter().flatten().zip([sizes.inputs, sizes.units].into_iter().cycle()) {
            let Product { weights, bias, multiplier, .. } = product;
            let Some(product) = product::Product::new(weights, depth, bias, *multiplier, SHORT)? else { return Ok(None) };
            fast.push(product);
        }
        Ok(Some(fast))
    }

    /// What goes into the gates of all units.
    fn compute(&self, element_type: TensorType, sizes: Sizes, step: &mut Step<'_>) -> Result<()> {
        let Step { input, hidden, gates, workspace, .. } = step;
        match self {
            Self::Plain(products) => {
                for (values, [of_input, of_hidden]) in gates.iter_mut().zip(products) {
                    for (unit, value) in values.as_chunks_mut::<2>().0.iter_mut().take(sizes.units).enumerate() {
                        let sum = of_input.of(element_type, input, unit) + of_hidden.of(element_type, hidden, unit);
                        *value = (sum.clamp(-32768, 32767) as i16).to_le_bytes();
                    }
                }
            }
            Self::Fast(products, [input_from, hidden_from]) => {
                let internal = ErrorKind::EngineInternal;
                let [of_input, of_hidden, ..] = products.as_slice() else { return Err(internal.into()) };
                let (input_row, rest) = workspace.split_at_mut_checked(of_input.row_bytes()).ok_or(internal)?;
                let hidden_row = rest.get_mut(..of_hidden.row_bytes()).ok_or(internal)?;
                image::row(input, *input_from as i16, Format::Words, input_row);
                image::row(hidden, *hidden_from as i16, Format::Words, hidden_row);
                for (values, [of_input, of_hidden]) in gates.iter_mut().zip(products.as_chunks::<2>().0) {
                    let values = values.get_mut(..2 * sizes.units).ok_or(internal)?;
                    for (number, values) in values.chunks_mut(2 * LANES).enumerate() {
                        write(of_input.eight(number, input_row).plus_saturated(of_hidden.eight(number, hidden_row)), values);
                    }
                }
            }
        }
        Ok(())
    }
}

struct IntegerLstm {
    sizes: Sizes,
    element_type: TensorType,
    gates: Gates,
    scratch: [Port; 4],
    table: Box<[u16; 256]>,
    /// 0 where nothing is clipped.
    clip: i32,
    forget_by_cell: Multiplier,
    input_by_memory: Multiplier,
    tanh_by_output: Multiplier,
    /// From the cell state to the table of the tangent.
    cell_curve: Rescale,
    stage: OutputStage,
}

fn prepare_integer(
    node: &Node<'_>,
    request: &mut Request,
    sizes: Sizes,
    (scratch, clip): ([Port; 4], f32),
) -> Result<Action> {
    let (input, hidden, cell, output) = (node.input(0)?, node.input(HIDDEN)?, node.input(CELL)?, node.output(0)?);
    let (cell_scale, cell_from) = cell.affine()?;
    let (hidden_scale, zero_point) = hidden.affine()?;
    let exponent = f64::from(cell_scale).log2();
    let sound = cell_from == 0 && (exponent - exponent.round()).abs() < 1e-3 && output.affine()? == hidden.affine()?;
    ensure(sound, ErrorKind::QuantisationInvalid)?;
    let gate = |gate: usize| -> Result<[Product; 2]> {
        Ok([
            Product::new(node, input, 1 + gate, Some(12 + gate), sizes.units)?,
            Product::new(node, hidden, 5 + gate, None, sizes.units)?,
        ])
    };
    // The tangent takes 2^-12 as it is; a finer scale is shifted to the right, and tripled before.
    let shift = 12 + exponent.round() as i32;
    ensure((-16..=4).contains(&shift), ErrorKind::QuantisationInvalid)?;
    let cell_curve =
        if shift < 0 { Rescale { multiplier: 3, right_shift: shift.unsigned_abs() } } else { Rescale { multiplier: 3 << shift, right_shift: 0 } };
    let (low, high) = hidden.element_type.range().ok_or(ErrorKind::TypeUnsupported)?;
    let unit = 1.0 / 32768.0f64;
    request.packed(512);
    Ok(Action::run(IntegerLstm {
        sizes,
        element_type: input.element_type,
        gates: Gates::new(gather(4, (0..4).map(gate))?, sizes, input.element_type, request)?,
        scratch,
        table: sigmoid_table(),
        clip: if clip > 0.0 { (clip / cell_scale).clamp(0.0, 32767.0) as i32 } else { 0 },
        forget_by_cell: Multiplier::new(unit)?,
        input_by_memory: Multiplier::new(unit * unit / f64::from(cell_scale))?,
        tanh_by_output: Multiplier::new(unit * unit / f64::from(hidden_scale))?,
        cell_curve,
        stage: OutputStage { zero_point, low, high },
    }))
}

impl Kernel for IntegerLstm {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        const GATE: Rescale = Rescale { multiplier: 3, right_shift: 0 };
        let (element_type, width) = (self.element_type, self.element_type.bits() / 8);
        self.sizes.each(io, self.scratch, (width, 2), |mut step| {
            self.gates.compute(element_type, self.sizes, &mut step)?;
            let Step { output, hidden, cell, gates: [by, forget, memory, out], .. } = step;
            let shorts = |bytes: &[u8], at: usize| bytes.as_chunks().0.get(at).map_or(0, |value| i32::from(i16::from_le_bytes(*value)));
            let open = |bytes: &[u8], at: usize| GATE.sigmoid(&self.table, shorts(bytes, at));
            let states = cell.as_chunks_mut::<2>().0.iter_mut().zip(hidden.chunks_exact_mut(width));
            for (at, (cell, hidden)) in states.enumerate() {
                let kept = self.forget_by_cell.apply(open(forget, at) * i32::from(i16::from_le_bytes(*cell)));
                let remembered = bend(&self.table, GATE.place(shorts(memory, at)));
                let added = self.input_by_memory.apply(open(by, at) * remembered);
                let mut value = (SHORT.finish(kept) + SHORT.finish(added)).clamp(-32768, 32767);
                if self.clip > 0 {
                    value = value.clamp(-self.clip, self.clip);
                }
                *cell = (value as i16).to_le_bytes();
                let product = bend(&self.table, self.cell_curve.place(value)) * open(out, at);
                integer::write(i64::from(self.stage.finish(self.tanh_by_output.apply(product))), hidden);
            }
            output.copy_from_slice(hidden);
            Ok(())
        })?;
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Field, Given, Random, assert_same, bytes_of, floats_of, run, single};

    /// One input, one unit, weights of one for the input and of a half for the hidden state.
    fn tensors(times: usize, peephole: bool) -> Vec<Given> {
        let mut tensors = vec![Given::input(TensorType::Float32, &[1, times, 1])];
        tensors.extend((0..4).map(|_| Given::floats(&[1, 1], &[1.0])));
        tensors.extend((0..4).map(|_| Given::floats(&[1, 1], &[0.5])));
        tensors.push(if peephole { Given::floats(&[1], &[1.0]) } else { Given::absent() });
        tensors.extend((0..2).map(|_| Given::absent()));
        tensors.extend((0..4).map(|gate| Given::floats(&[1], &[gate as f32 / 10.0])));
        tensors.extend((0..2).map(|_| Given::absent()));
        tensors.extend((0..2).map(|_| Given::variable(TensorType::Float32, &[1, 1])));
        tensors.extend((0..4).map(|_| Given::absent()));
        tensors.push(Given::output(TensorType::Float32, &[1, times, 1]));
        tensors
    }

    #[test]
    fn states_go_on_from_one_time_to_the_next() {
        let inputs = [0.3f32, -0.7, 1.1];
        let model = single(&UNIDIRECTIONAL_SEQUENCE_LSTM, &tensors(3, false), Some((71, &[(0, Field::I8(4))])));
        let output = run(model, &[&bytes_of(&inputs)]).unwrap().remove(0);
        let (mut hidden, mut cell) = (0.0f64, 0.0f64);
        for (input, found) in inputs.into_iter().zip(floats_of(&output)) {
            let gate = |bias: f64| f64::from(input) + 0.5 * hidden + bias;
            let open = |bias: f64| 1.0 / (1.0 + (-gate(bias)).exp());
            cell = open(0.1) * cell + open(0.0) * gate(0.2).tanh();
            hidden = open(0.3) * cell.tanh();
            assert!((f64::from(found) - hidden).abs() < 1e-6, "{found} {hidden}");
        }
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        let mut random = Random::new(17);
        for _ in 0..60 {
            let (batches, times) = (1 + random.below(2), 1 + random.below(3));
            let (inputs, units) = (1 + random.below(20), 1 + random.below(70));
            let mut matrices = |depth: usize| [(); 4].map(|()| random.floats(units * depth));
            let (of_input, of_hidden, biases) = (matrices(inputs), matrices(units), matrices(1));
            let input = random.floats(batches * times * inputs);
            let matrix = |weights: &Vec<f32>, depth| Given::floats(&[units, depth], weights);
            let mut tensors = vec![Given::input(TensorType::Float32, &[batches, times, inputs])];
            tensors.extend(of_input.iter().map(|weights| matrix(weights, inputs)));
            tensors.extend(of_hidden.iter().map(|weights| matrix(weights, units)));
            tensors.extend([(); 3].map(|()| Given::absent()));
            tensors.extend(biases.iter().map(|bias| Given::floats(&[units], bias)));
            tensors.extend([(); 2].map(|()| Given::absent()));
            tensors.extend([(); 2].map(|()| Given::variable(TensorType::Float32, &[batches, units])));
            tensors.extend([(); 4].map(|()| Given::absent()));
            tensors.push(Given::output(TensorType::Float32, &[batches, times, units]));
            let mut expected = Vec::new();
            for sequence in input.chunks(times * inputs) {
                let (mut hidden, mut cell) = (vec![0.0f32; units], vec![0.0f32; units]);
                for now in sequence.chunks(inputs) {
                    let product = |values: &[f32], weights: &[f32]| {
                        values.iter().zip(weights).fold(0.0, |sum, (value, weight)| sum + value * weight)
                    };
                    let gate = |gate: usize, unit: usize| {
                        let (first, second) = (&of_input[gate][unit * inputs..], &of_hidden[gate][unit * units..]);
                        product(now, first) + biases[gate][unit] + product(&hidden, second)
                    };
                    let next: Vec<[f32; 2]> = (0..units).map(|unit| {
                        let kept = sigmoid(gate(1, unit)) * cell[unit];
                        let value = kept + sigmoid(gate(0, unit)) * gate(2, unit).tanh();
                        [value, value.tanh() * sigmoid(gate(3, unit))]
                    }).collect();
                    cell = next.iter().map(|next| next[0]).collect();
                    hidden = next.iter().map(|next| next[1]).collect();
                    expected.extend(&hidden);
                }
            }
            let model = single(&UNIDIRECTIONAL_SEQUENCE_LSTM, &tensors, Some((71, &[(0, Field::I8(4))])));
            let output = run(model, &[&bytes_of(&input)]).unwrap();
            assert_same(&output[0], &expected, &format!("{batches} {times} {inputs} {units}"));
        }
    }

    #[test]
    fn peepholes_are_refused() {
        let model = single(&UNIDIRECTIONAL_SEQUENCE_LSTM, &tensors(1, true), Some((71, &[(0, Field::I8(4))])));
        assert_eq!(run(model, &[&[0; 4]]).unwrap_err().kind(), ErrorKind::FeatureUnsupported);
    }

    #[test]
    fn integers_of_fast_and_plain_gates_are_equal() {
        let mut random = Random::new(61);
        for _ in 0..60 {
            let (batches, times, inputs, units) = (1 + random.below(2), 1 + random.below(3), 1 + random.below(20), 1 + random.below(20));
            let element_type = [TensorType::Int8, TensorType::Int16][random.below(8) / 7];
            let is_short = element_type == TensorType::Int16;
            let zero_point = |random: &mut Random| if is_short { 0 } else { random.zero_point() };
            let mut tensors = vec![Given::input(element_type, &[batches, times, inputs]).affine(0.02, zero_point(&mut random))];
            for depth in [inputs, units] {
                tensors.extend((0..4).map(|_| {
                    let bytes = random.bytes(units * depth);
                    Given::constant(TensorType::Int8, &[units, depth], bytes).affine(0.001 + random.below(100) as f32 * 1e-4, 0)
                }));
            }
            tensors.extend((0..3).map(|_| Given::absent()));
            tensors.extend((0..4).map(|_| match is_short {
                true => Given::constant(TensorType::Int64, &[units], random.biases(units).iter().flat_map(|bias| i64::from(*bias).to_le_bytes()).collect()),
                false => Given::int32s(&[units], &random.biases(units)),
            }));
            tensors.extend((0..2).map(|_| Given::absent()));
            let hidden = (1.0 / 128.0, zero_point(&mut random));
            tensors.push(Given::variable(element_type, &[batches, units]).affine(hidden.0, hidden.1));
            tensors.push(Given::variable(TensorType::Int16, &[batches, units]).affine(1.0 / 2048.0, 0));
            tensors.extend((0..4).map(|_| Given::absent()));
            tensors.push(Given::output(element_type, &[batches, times, units]).affine(hidden.0, hidden.1));
            let model = single(&UNIDIRECTIONAL_SEQUENCE_LSTM, &tensors, Some((71, &[(0, Field::I8(4))])));
            let input = random.bytes(batches * times * inputs * if is_short { 2 } else { 1 });
            let output = run(model, &[&input]).unwrap().remove(0);
            assert!(output.iter().any(|byte| *byte != output[0]) || output.len() < 40);
        }
    }
}
