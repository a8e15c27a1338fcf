//! What is known of a program, as bytes for the other side of the border. Layout, little-endian:
//!
//! ```text
//! u32 version (3), arena bytes, variable bytes, workspace bytes, packed bytes
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
//! u32 count, then per operator that is refused: u32 subgraph, operator, number of the error; u32 count, then per
//!   signature that it takes:   types inputs, types outputs (u32 count and u32 bits each; 0: as the first input)
//! string = u32 length and bytes; indices = u32 count and i32 each
//! ```

use crate::error::{Error, Place, Result};
use crate::model::tensor::{Location, SHIFT, Tensor, TensorType};
use crate::model::{Model, Subgraph};
use crate::ops::Registry;
use crate::program::{Owner, Program, Routine};

/// Changes with the layout.
pub const VERSION: u32 = 3;

/// Writes the report of a model: of its program, or of the operators that are refused. Both come from these operators.
pub fn report(
    model: &Model,
    program: Option<&Program>,
    refused: &[Error],
    registry: &Registry,
) -> Vec<u8> {
    let mut writer = Writer(Vec::new());
    writer.u32(VERSION as usize);
    let cost = program.map(|program| program.cost).unwrap_or_default();
    let memory = |bytes: fn(&Program) -> usize| program.map_or(0, bytes);
    writer.u32(memory(|program| program.arena_bytes));
    writer.u32(memory(|program| program.variable_bytes));
    writer.u32(memory(|program| program.workspace_bytes));
    writer.u32(cost.packed_bytes as usize);
    writer.f64(cost.macs);
    writer.f64(cost.moved_bytes);
    writer.u32(model.subgraphs.len());
    let nothing = Routine::default();
    for (number, subgraph) in model.subgraphs.iter().enumerate() {
        let routine = program.and_then(|program| program.routines.get(number)).unwrap_or(&nothing);
        writer.subgraph(model, subgraph, routine, registry);
    }
    let placements = program.map_or(&[][..], |program| &program.placements);
    writer.u32(placements.len());
    for placement in placements {
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
    writer.refusals(model, refused, registry);
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

    fn refusals(&mut self, model: &Model, refused: &[Error], registry: &Registry) {
        let at = |error: &Error| match error.place() {
            Place::Operator { subgraph, operator, .. } => Some((subgraph, operator, error.number())),
            _ => None,
        };
        self.u32(refused.iter().filter_map(at).count());
        for (subgraph, operator, number) in refused.iter().filter_map(at) {
            self.u32(subgraph);
            self.u32(operator);
            self.u32(usize::from(number));
            let found = model.operator(subgraph, operator).map(|operator| registry.find(model.key(operator)));
            let signatures = found.and_then(Result::ok).map_or(&[][..], |found| found.types);
            self.u32(signatures.len());
            for types in signatures.iter().flat_map(|signature| [signature.inputs, signature.outputs]) {
                self.u32(types.len());
                for types in types {
                    self.u32(types.bits() as usize);
                }
            }
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
            // Of those without a kernel, custom ones say their names, and the other side knows the builtin ones.
            let known = registry.find(model.key(operator)).ok().map(|found| found.name.as_bytes());
            let name = known.or(model.bytes.get(operator.custom_name.clone())).unwrap_or(&[]);
            let step = steps.next_if(|step| step.origin.start == index);
            let cost = step.map(|step| step.cost).unwrap_or_default();
            self.i32(operator.code);
            self.string(name);
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
