//! What is known of a program, as bytes for the other side of the border. Layout, little-endian:
//!
//! ```text
//! u32 version (1), arena bytes, variable bytes, packed bytes
//! f64 multiply-accumulates, moved bytes
//! u32 count, then per tensor:    string name, u8 type, u8 location (0 constant, 1 arena, 2 variable, 3 the
//!                                name of one),
//!                                u32 rank, u32 dimension..., u32 bytes, u32 scales, f32 scale...,
//!                                i32 zero point, u32 quantised dimension
//! u32 count, then per operator:  i32 code, string name, indices inputs (-1: left out),
//!                                indices outputs, f64 multiply-accumulates, moved bytes, packed bytes
//! indices inputs, indices outputs
//! u32 count, then per placement: i32 tensor (-1: scratch), u32 offset, bytes, first, last
//! string = u32 length and bytes; indices = u32 count and i32 each
//! ```

use crate::opcode;
use crate::program::Program;
use crate::model::tensor::{Location, Tensor};

/// Changes with the layout.
pub const VERSION: u32 = 1;

/// Writes the report of a program.
pub fn report(program: &Program) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    writer.u32(VERSION as usize);
    writer.u32(program.arena_bytes);
    writer.u32(program.variable_bytes);
    writer.u32(program.cost.packed_bytes as usize);
    writer.f64(program.cost.macs);
    writer.f64(program.cost.moved_bytes);
    let main = program.model.main();
    let model = &program.model;
    writer.u32(main.tensors.len());
    for tensor in &main.tensors {
        writer.tensor(tensor, model.bytes.get(tensor.name.clone()).unwrap_or(&[]));
    }
    writer.u32(main.operators.len());
    for (operator, step) in main.operators.iter().zip(&program.steps) {
        writer.i32(operator.code);
        writer.string(opcode::name(operator.code).unwrap_or("").as_bytes());
        writer.indices(operator.inputs.iter().copied());
        writer.indices(operator.outputs.iter().copied().map(Some));
        writer.f64(step.cost.macs);
        writer.f64(step.cost.moved_bytes);
        writer.f64(step.cost.packed_bytes);
    }
    writer.indices(main.inputs.iter().copied().map(Some));
    writer.indices(main.outputs.iter().copied().map(Some));
    writer.u32(program.placements.len());
    for placement in &program.placements {
        writer.i32(placement.tensor.map_or(-1, |tensor| tensor as i32));
        writer.u32(placement.offset);
        writer.u32(placement.bytes);
        writer.u32(placement.first);
        writer.u32(placement.last);
    }
    writer.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u32(&mut self, value: usize) {
        self.0.extend_from_slice(&(value as u32).to_le_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn f32(&mut self, value: f32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Counts go as floats, which the other side reads exactly up to 2^53.
    fn f64(&mut self, value: u64) {
        self.0.extend_from_slice(&(value as f64).to_le_bytes());
    }

    fn string(&mut self, bytes: &[u8]) {
        self.u32(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn indices(&mut self, indices: impl ExactSizeIterator<Item = Option<usize>>) {
        self.u32(indices.len());
        for index in indices {
            self.i32(index.map_or(-1, |index| index as i32));
        }
    }

    fn tensor(&mut self, tensor: &Tensor, name: &[u8]) {
        self.string(name);
        self.u8(tensor.element_type as u8);
        self.u8(match tensor.location {
            Location::Constant(_) => 0,
            Location::Arena => 1,
            Location::Variable => 2,
            Location::Resource => 3,
        });
        self.u32(tensor.shape.rank());
        for &dimension in tensor.shape.dimensions() {
            self.u32(dimension);
        }
        self.u32(tensor.bytes);
        let quantization = tensor.quantization.clone().unwrap_or_default();
        self.u32(quantization.scales.len());
        for &scale in &quantization.scales {
            self.f32(scale);
        }
        self.i32(quantization.zero_point);
        self.u32(quantization.dimension);
    }
}
