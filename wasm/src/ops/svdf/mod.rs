//! SVDF: float32, and int8 with a state of int8 or int16.
//!
//! Upstream: `micro/kernels/svdf_common.cc`. The state is one row of memory for each filter. Before each inference it moves by one
//! element as a whole, over the borders of rows, and the newest value of each filter is written at the end of its row.

mod simd;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::integer;
use crate::math::quantization::Multiplier;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, INT32, Signature};
use crate::ops::weights::float::{self, dot, floats, floats_mut};
use crate::ops::weights::int8;
use crate::ops::window::positive;
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request, gather};
use crate::run::io::{Io, Port};

/// A layer of filters over time, each of so many ranks.
pub static SVDF: Registration = Registration {
    key: OpKey::Builtin(27),
    name: "SVDF",
    inputs: 5..=5,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] },
        Signature { inputs: &[INT8, INT8, INT16, INT32, INT16], outputs: &[INT8] },
        Signature { inputs: &[INT8, INT8, INT8, INT32, INT8], outputs: &[INT8] },
    ],
    prepare,
};

struct SvdfOptions {
    rank: usize,
    /// The schema's number: upstream has more of them here than in other layers.
    activation: i8,
}

impl Options for SvdfOptions {
    const MEMBER: u8 = 6;

    fn read(table: &Table<'_>) -> Result<Self> {
        let activation = table.scalar(1, 0)?;
        ensure((0..=5).contains(&activation), ErrorKind::OperatorInvalid)?;
        Ok(Self { rank: positive(table.scalar(0, 0)?)?, activation })
    }
}

/// Where the state is among the inputs.
const STATE: usize = 4;

/// The sizes of a layer.
#[derive(Clone, Copy)]
struct Sizes {
    inputs: usize,
    memory: usize,
    filters: usize,
    units: usize,
    rank: usize,
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let SvdfOptions { rank, activation } = node.options()?;
    let (input, feature, time) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let (state, output) = (node.input(STATE)?, node.output(0)?);
    let invalid = ErrorKind::OperatorInvalid;
    let (&[batches, inputs], &[filters, depth]) = (input.shape.dimensions(), feature.shape.dimensions()) else {
        return Err(invalid.into());
    };
    let &[time_filters, memory] = time.shape.dimensions() else { return Err(invalid.into()) };
    ensure(depth == inputs && time_filters == filters && filters % rank == 0, invalid)?;
    let sizes = Sizes { inputs, memory, filters, units: filters / rank, rank };
    ensure(output.shape.dimensions() == [batches, sizes.units], invalid)?;
    let held = memory.checked_mul(filters).and_then(|row| row.checked_mul(batches));
    ensure(held == Some(state.shape.elements()), invalid)?;
    request.mutates(STATE);
    request.macs((batches * filters) as u64 * (inputs + memory) as u64);
    if input.element_type == TensorType::Float32 {
        let kernel = FloatSvdf {
            sizes,
            feature: float::weights(node, feature)?,
            time: float::weights(node, time)?,
            bias: float::bias(node, 3, sizes.units)?,
            activation,
            sums: request.scratch(batches * filters * 4),
        };
        request.packed((kernel.feature.len() + kernel.time.len() + kernel.bias.len()) * 4);
        return Ok(Action::run(kernel));
    }
    let (state_scale, state_from) = state.affine()?;
    let ((input_scale, from), (output_scale, to)) = (input.affine()?, output.affine()?);
    let (feature_scale, time_scale) = (feature.affine()?.0, time.affine()?.0);
    // Upstream reads the scale of the bias, also where there is none.
    let bias = node.input(3)?;
    ensure((bias.affine()?.0 - state_scale * time_scale).abs() < 1e-5, ErrorKind::QuantisationInvalid)?;
    let time_bytes = node.constant(time)?;
    let width = time.element_type.bits() / 8;
    let weights = time_bytes.chunks_exact(width).map(|weight| Ok(integer::read(time.element_type, weight) as i32));
    let kernel = IntegerSvdf {
        sizes,
        state_type: state.element_type,
        from,
        state_from,
        to,
        feature: int8::weights(node, feature)?,
        time: gather(filters * memory, weights)?,
        bias: int8::bias(node, 3, sizes.units)?,
        // Both in float32, as upstream.
        first: Multiplier::new(f64::from(input_scale * feature_scale / state_scale))?,
        second: Multiplier::new(f64::from(state_scale * time_scale / output_scale))?,
        sums: request.scratch(batches * filters * 4),
    };
    let fits = batches == 1 && kernel.state_type == TensorType::Int8;
    if request.is_fast() && fits && let Some(fast) = simd::Svdf::new(&kernel, request)? {
        return Ok(Action::run(fast));
    }
    request.packed(kernel.feature.len() + (kernel.time.len() + kernel.bias.len()) * 4);
    Ok(Action::run(kernel))
}

struct FloatSvdf {
    sizes: Sizes,
    /// `[filter][input]`.
    feature: Vec<f32>,
    /// `[filter][memory]`.
    time: Vec<f32>,
    bias: Vec<f32>,
    activation: i8,
    sums: Port,
}

impl Kernel for FloatSvdf {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let Sizes { inputs, memory, filters, units, rank } = self.sizes;
        let ([input], [state, sums, output]) =
            io.cut([Port::Input(0)], [Port::Input(STATE), self.sums, Port::Output(0)])?;
        let (state, sums) = (floats_mut(state), floats_mut(sums));
        if state.len() > 1 {
            state.copy_within(1.., 0);
        }
        let batches = floats(input).chunks_exact(inputs).zip(state.chunks_exact_mut(memory * filters));
        for ((input, state), sums) in batches.zip(sums.chunks_exact_mut(filters)) {
            let rows = state.chunks_exact_mut(memory).zip(self.feature.chunks_exact(inputs));
            for ((row, feature), (sum, time)) in rows.zip(sums.iter_mut().zip(self.time.chunks_exact(memory))) {
                if let Some(newest) = row.last_mut() {
                    *newest = dot(input, feature).to_le_bytes();
                }
                *sum = dot(row, time).to_le_bytes();
            }
        }
        let outputs = floats_mut(output).chunks_exact_mut(units);
        for (output, sums) in outputs.zip(sums.chunks_exact(filters)) {
            for ((output, bias), ranks) in output.iter_mut().zip(&self.bias).zip(sums.chunks_exact(rank)) {
                let sum = ranks.iter().fold(*bias, |sum, value| sum + f32::from_le_bytes(*value));
                *output = activate(self.activation, sum).to_le_bytes();
            }
        }
        Ok(Flow::Next)
    }
}

/// Upstream's `ActivationValFloat`: unlike the clamp of all other layers it leaves infinities alone, and chooses the bound for NaN.
#[expect(clippy::manual_clamp, reason = "`clamp` keeps NaN")]
fn activate(activation: i8, value: f32) -> f32 {
    match activation {
        1 => value.max(0.0),
        2 => value.min(1.0).max(-1.0),
        3 => value.min(6.0).max(0.0),
        4 => value.tanh(),
        // The sign as a number.
        5 => f32::from(u8::from(value.is_sign_negative())),
        _ => value,
    }
}

struct IntegerSvdf {
    sizes: Sizes,
    state_type: TensorType,
    from: i32,
    state_from: i32,
    to: i32,
    feature: Vec<i8>,
    time: Vec<i32>,
    bias: Vec<i32>,
    first: Multiplier,
    second: Multiplier,
    sums: Port,
}

impl Kernel for IntegerSvdf {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let Sizes { inputs, memory, filters, units, rank } = self.sizes;
        let ([input], [state, sums, output]) =
            io.cut([Port::Input(0)], [Port::Input(STATE), self.sums, Port::Output(0)])?;
        let width = self.state_type.bits() / 8;
        if state.len() > width {
            state.copy_within(width.., 0);
        }
        let (low, high) = self.state_type.range().ok_or(ErrorKind::EngineInternal)?;
        let sums = sums.as_chunks_mut::<4>().0;
        let batches = input.chunks_exact(inputs).zip(state.chunks_exact_mut(memory * filters * width));
        for ((input, state), sums) in batches.zip(sums.chunks_exact_mut(filters)) {
            let rows = state.chunks_exact_mut(memory * width).zip(self.feature.chunks_exact(inputs));
            for ((row, feature), (sum, time)) in rows.zip(sums.iter_mut().zip(self.time.chunks_exact(memory))) {
                let products = input.iter().zip(feature);
                let newest = products.fold(0i32, |sum, (input, weight)| {
                    sum.wrapping_add((i32::from(*input as i8) - self.from) * i32::from(*weight))
                });
                // Stored without saturating once the zero point is added, as upstream.
                let newest = self.first.apply(newest).clamp(low, high).wrapping_add(self.state_from);
                if let Some(last) = row.chunks_exact_mut(width).last() {
                    integer::write(i64::from(newest), last);
                }
                let values = row.chunks_exact(width).map(|value| integer::read(self.state_type, value) as i32);
                let total = values.zip(time).fold(0i32, |sum, (value, weight)| {
                    sum.wrapping_add((value - self.state_from).wrapping_mul(*weight))
                });
                *sum = total.to_le_bytes();
            }
        }
        for (output, sums) in output.chunks_exact_mut(units).zip(sums.chunks_exact(filters)) {
            for ((output, bias), ranks) in output.iter_mut().zip(&self.bias).zip(sums.chunks_exact(rank)) {
                let sum = ranks.iter().fold(*bias, |sum, value| sum.wrapping_add(i32::from_le_bytes(*value)));
                *output = self.second.apply(sum).saturating_add(self.to).clamp(-128, 127) as u8;
            }
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Field, Given, Random, bytes_of, floats_of, run, run_often, single};

    #[test]
    fn the_newest_value_of_a_filter_meets_the_last_weight_of_its_memory() {
        let tensors = [
            Given::input(TensorType::Float32, &[1, 2]),
            Given::floats(&[4, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 0.0]),
            Given::floats(&[4, 3], &[9.0, 9.0, 1.0, 9.0, 9.0, 10.0, 9.0, 9.0, 100.0, 9.0, 9.0, 1000.0]),
            Given::floats(&[2], &[0.5, -0.5]),
            Given::variable(TensorType::Float32, &[1, 12]),
            Given::output(TensorType::Float32, &[1, 2]),
        ];
        let model = single(&SVDF, &tensors, Some((6, &[(0, Field::I32(2)), (1, Field::I8(0))])));
        let output = run(model, &[&bytes_of(&[3.0, 4.0])]).unwrap().remove(0);
        // 3 and 4 by one unit; 7 and 6 by the other.
        assert_eq!(floats_of(&output), [3.0 + 40.0 + 0.5, 700.0 + 6000.0 - 0.5]);
    }

    #[test]
    fn the_activation_keeps_infinities_and_bounds_nan() {
        for (activation, given, expected) in [
            (4, f32::INFINITY, 1.0),
            (5, -2.0, 1.0),
            (5, 2.0, 0.0),
            (0, f32::NEG_INFINITY, f32::NEG_INFINITY),
            (1, f32::INFINITY, f32::INFINITY),
            (1, f32::NAN, 0.0),
            (2, f32::NAN, 1.0),
            (3, f32::NAN, 6.0),
        ] {
            let tensors = [
                Given::input(TensorType::Float32, &[1, 1]),
                Given::floats(&[1, 1], &[1.0]),
                Given::floats(&[1, 1], &[1.0]),
                Given::absent(),
                Given::variable(TensorType::Float32, &[1, 1]),
                Given::output(TensorType::Float32, &[1, 1]),
            ];
            let model = single(&SVDF, &tensors, Some((6, &[(0, Field::I32(1)), (1, Field::I8(activation))])));
            let output = run(model, &[&bytes_of(&[given])]).unwrap().remove(0);
            assert_eq!(floats_of(&output), [expected]);
        }
    }

    #[test]
    fn filters_that_do_not_fill_their_ranks_are_refused() {
        let tensors = [
            Given::input(TensorType::Float32, &[1, 1]),
            Given::floats(&[3, 1], &[1.0; 3]),
            Given::floats(&[3, 1], &[1.0; 3]),
            Given::absent(),
            Given::variable(TensorType::Float32, &[1, 3]),
            Given::output(TensorType::Float32, &[1, 1]),
        ];
        let model = single(&SVDF, &tensors, Some((6, &[(0, Field::I32(2))])));
        assert_eq!(run(model, &[&[0; 4]]).unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }

    #[test]
    fn integers_of_fast_and_plain_filters_are_equal() {
        let mut random = Random::new(71);
        for _ in 0..200 {
            let (batches, inputs, memory) = (1 + random.below(2), 1 + random.below(20), 1 + random.below(19));
            let (units, rank) = (1 + random.below(19), 1 + random.below(3));
            let filters = units * rank;
            let (feature, time) = (random.bytes(filters * inputs), random.bytes(filters * memory));
            let (state_from, from, to) = (random.zero_point(), random.zero_point(), random.zero_point());
            let tensors = [
                Given::input(TensorType::Int8, &[batches, inputs]).affine(0.05, from),
                Given::constant(TensorType::Int8, &[filters, inputs], feature).affine(0.01 + random.below(9) as f32 * 0.01, 0),
                Given::constant(TensorType::Int8, &[filters, memory], time).affine(0.01, 0),
                Given::int32s(&[units], &random.biases(units)).affine(0.002, 0),
                Given::variable(TensorType::Int8, &[batches, memory * filters]).affine(0.2, state_from),
                Given::output(TensorType::Int8, &[batches, units]).affine(0.3, to),
            ];
            let model = single(&SVDF, &tensors, Some((6, &[(0, Field::I32(rank as i32)), (1, Field::I8(0))])));
            run_often(model, &[&random.bytes(batches * inputs)], 1 + random.below(12)).unwrap();
        }
    }
}
