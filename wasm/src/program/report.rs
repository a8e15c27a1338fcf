//! What is known of a program, as bytes for the other side of the border. Layout, little-endian:
//!
//! ```text
//! u32 version (2), arena bytes, variable bytes, workspace bytes, packed bytes
//! f64 multiply-accumulates, moved bytes
//! u32 count, then per subgraph:
//!   u32 count, then per tensor:   string name, u8 type, u8 location (0 constant, 1 arena, 2 variable, 3 the name
//!                                 of one), u32 rank, u32 dimension..., u32 bytes, u32 scales, f32 scale...,
//!                                 i32 zero point, u32 quantised dimension
//!   u32 count, then per operator: i32 code, string name, indices inputs (-1: left out), indices outputs,
//!                                 f64 multiply-accumulates, moved bytes, packed bytes: all 0 where the operator
//!                                 before it does its work, or nobody
//!   indices inputs, indices outputs
//! u32 count, then per placement: u32 subgraph, i32 tensor (-1: scratch), u32 offset, bytes, first, last
//! string = u32 length and bytes; indices = u32 count and i32 each
//! ```

use crate::model::tensor::{Location, Tensor, TensorType};
use crate::model::{Model, Subgraph};
use crate::ops::Registry;
use crate::program::unsigned::SHIFT;
use crate::program::{Owner, Program, Routine};

/// Changes with the layout.
pub const VERSION: u32 = 2;

/// Writes the report of a program that was prepared with these operators.
pub fn report(program: &Program, registry: &Registry) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    writer.u32(VERSION as usize);
    writer.u32(program.arena_bytes);
    writer.u32(program.variable_bytes);
    writer.u32(program.workspace_bytes);
    writer.u32(program.cost.packed_bytes as usize);
    writer.f64(program.cost.macs);
    writer.f64(program.cost.moved_bytes);
    let model = &program.model;
    writer.u32(model.subgraphs.len());
    for (subgraph, routine) in model.subgraphs.iter().zip(&program.routines) {
        writer.subgraph(model, subgraph, routine, registry);
    }
    writer.u32(program.placements.len());
    for placement in &program.placements {
        writer.u32(placement.subgraph);
        writer.i32(match placement.owner {
            Owner::Tensor(tensor) => tensor as i32,
            Owner::Scratch(_) => -1,
        });
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

    fn subgraph(
        &mut self,
        model: &Model,
        subgraph: &Subgraph,
        routine: &Routine,
        registry: &Registry,
    ) {
        self.u32(subgraph.tensors.len());
        for tensor in &subgraph.tensors {
            self.tensor(tensor, model.bytes.get(tensor.name.clone()).unwrap_or(&[]));
        }
        self.u32(subgraph.operators.len());
        let mut steps = routine.steps.iter().peekable();
        for (index, operator) in subgraph.operators.iter().enumerate() {
            let name = registry.find(model.key(operator)).map_or("", |found| found.name);
            let step = steps.next_if(|step| step.origin.start == index);
            let cost = step.map(|step| step.cost).unwrap_or_default();
            self.i32(operator.code);
            self.string(name.as_bytes());
            self.indices(operator.inputs.iter().copied());
            self.indices(operator.outputs.iter().copied().map(Some));
            self.f64(cost.macs);
            self.f64(cost.moved_bytes);
            self.f64(cost.packed_bytes);
        }
        self.indices(subgraph.inputs.iter().copied().map(Some));
        self.indices(subgraph.outputs.iter().copied().map(Some));
    }

    fn tensor(&mut self, tensor: &Tensor, name: &[u8]) {
        self.string(name);
        self.u8(if tensor.unsigned { TensorType::Uint8 } else { tensor.element_type } as u8);
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
        self.i32(quantization.zero_point + if tensor.unsigned { i32::from(SHIFT) } else { 0 });
        self.u32(quantization.dimension);
    }
}
