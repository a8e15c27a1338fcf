//! SVDF of one batch, int8 with a state of int8, by eight filters: the twin of the integers of `mod.rs`.

use core::array::from_fn;

use crate::error::{ErrorKind, Result};
use crate::math::quantization::OutputStage;
use crate::memory::allocate;
use crate::ops::svdf::{IntegerSvdf, STATE, Sizes};
use crate::ops::weights::int16::Bias;
use crate::ops::{Flow, Kernel, Request};
use crate::run::io::{Io, Port};
use crate::simd::Format;
use crate::simd::image::row;
use crate::simd::product::{GREATEST, Product};
use crate::simd::requantise::LANES;
use crate::simd::shorts::Shorts;
use crate::simd::tile;
use crate::simd::vector::{Bounds, I16x8, I32x4};

/// Filters over time.
pub struct Svdf {
    sizes: Sizes,
    from: i32,
    state_from: i32,
    feature: Product,
    /// `[filter][memory / 8]`; what is missing weighs nothing.
    time: Vec<[i16; 8]>,
    last: Shorts,
    sums: Port,
}

impl Svdf {
    /// Packs the weights. Without a value where the plain kernel has to serve.
    pub fn new(plain: &IntegerSvdf, request: &mut Request) -> Result<Option<Self>> {
        let IntegerSvdf { sizes, from, state_from, to, sums, .. } = *plain;
        let Sizes { inputs, memory, filters, rank, .. } = sizes;
        let stage = OutputStage { zero_point: 0, low: -128, high: 127 };
        let none = Bias::Narrow(allocate(filters, 0)?);
        let Some(feature) = Product::new(&plain.feature, inputs, &none, plain.first, stage)? else { return Ok(None) };
        let steps = memory.div_ceil(8);
        let mut time = allocate(filters * steps, [0; 8])?;
        for (packed, weights) in time.chunks_exact_mut(steps).zip(plain.time.chunks_exact(memory)) {
            packed.as_flattened_mut().iter_mut().zip(weights).for_each(|(slot, weight)| *slot = *weight as i16);
        }
        let mut bias = allocate(sizes.units, 0)?;
        bias.iter_mut().zip(&plain.bias).for_each(|(slot, bias)| *slot = *bias);
        let multipliers = allocate(sizes.units, plain.second)?;
        let shape = (rank * steps * 8, GREATEST);
        let Some(last) = Shorts::new(time.as_flattened(), shape, &Bias::Narrow(bias), &multipliers, OutputStage { zero_point: to, ..stage })? else { return Ok(None) };
        request.packed(feature.packed() + size_of_val(time.as_slice()));
        request.workspace(feature.row_bytes());
        Ok(Some(Self { sizes, from, state_from, feature, time, last, sums }))
    }

    /// The sums over time of four filters from this one on.
    #[inline(never)]
    fn four(&self, states: &[u8], first: usize) -> I32x4 {
        let memory = self.sizes.memory;
        let steps = memory.div_ceil(8);
        let zero_point = I16x8::splat(self.state_from as i16);
        let states = states.get(first * memory..).unwrap_or_default();
        let time = self.time.get(first * steps..).unwrap_or_default();
        let mut sums = [I32x4::new(&[0; 4]); 4];
        for step in 0..steps {
            for (lane, sum) in sums.iter_mut().enumerate() {
                // What follows a row weighs nothing.
                let rest = states.get(lane * memory + step * 8..).unwrap_or_default();
                let bytes = rest.first_chunk().copied().unwrap_or_else(|| short(rest));
                let Some(weights) = time.get(lane * steps + step) else { break };
                *sum = sum.plus(I16x8::widen(bytes).minus(zero_point).dot(I16x8::new(weights)));
            }
        }
        let [a, b, c, d] = I32x4::transposed(sums);
        a.plus(b).plus(c.plus(d))
    }
}

/// Fewer than eight bytes.
#[cold]
#[inline(never)]
fn short(bytes: &[u8]) -> [u8; 8] {
    from_fn(|at| bytes.get(at).copied().unwrap_or_default())
}

impl Kernel for Svdf {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let Sizes { memory, filters, rank, .. } = self.sizes;
        let (([input], [state, sums, output]), workspace) =
            io.cut_with_workspace([Port::Input(0)], [Port::Input(STATE), self.sums, Port::Output(0)])?;
        let wide = workspace.get_mut(..self.feature.row_bytes()).ok_or(ErrorKind::EngineInternal)?;
        let sums = sums.as_chunks_mut::<4>().0;
        if state.len() > 1 {
            state.copy_within(1.., 0);
        }
        row(input, self.from as i16, Format::Words, wide);
        for number in 0..filters.div_ceil(LANES) {
            let first = number * LANES;
            for (filter, [byte, _]) in (first + 1..).zip(self.feature.eight(number, wide).bytes().as_chunks().0) {
                // Stored without saturating once the zero point is added, as upstream.
                if let Some(newest) = state.get_mut(filter * memory - 1) {
                    *newest = byte.wrapping_add(self.state_from as u8);
                }
            }
            let found = [self.four(state, first).lanes(), self.four(state, first + 4).lanes()];
            for (slot, sum) in sums.iter_mut().skip(first).zip(found.as_flattened()) {
                *slot = sum.to_le_bytes();
            }
        }
        let bounds = Bounds::new(-128, 127);
        for (number, (output, sums)) in output.chunks_mut(LANES).zip(sums.chunks(LANES * rank)).enumerate() {
            let mut total = [0i32; LANES];
            for (total, ranks) in total.iter_mut().zip(sums.chunks_exact(rank)) {
                *total = ranks.iter().fold(0, |sum, value| sum.wrapping_add(i32::from_le_bytes(*value)));
            }
            let eight = self.last.eight(number, tile::sums(&total));
            let [bytes, _] = eight.clamp_to_bytes(eight, &bounds);
            output.iter_mut().zip(bytes).for_each(|(output, byte)| *output = byte);
        }
        Ok(Flow::Next)
    }
}
