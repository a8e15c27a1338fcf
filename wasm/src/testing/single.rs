//! Models of one operator, prepared and run as any other: so tests see what `prepare` checks, packs and chooses.

use std::sync::Arc;

use crate::error::Result;
use crate::limits::Limits;
use crate::model::tensor::{Location, Quantization, Shape, Tensor, TensorType};
use crate::model::{CUSTOM, Model, OpKey, Operator, OptionsAt, Subgraph};
use crate::ops::{ALL, Kernels, Registration, Registry};
use crate::program::Program;
use crate::run::batch;
use crate::run::interpreter::{Interpreter, Workspace};

/// A tensor of the operator.
#[derive(Clone)]
pub struct Given {
    role: Role,
    element_type: TensorType,
    shape: Vec<i32>,
    quantization: Option<Quantization>,
}

#[derive(Clone)]
enum Role {
    Input,
    Constant(Vec<u8>),
    Variable,
    Output,
    /// An output that keeps its value.
    Kept,
    Absent,
}

impl Given {
    fn new(role: Role, element_type: TensorType, shape: &[usize]) -> Self {
        let shape = shape.iter().map(|dimension| *dimension as i32).collect();
        Self { role, element_type, shape, quantization: None }
    }

    /// An input of the model.
    pub fn input(element_type: TensorType, shape: &[usize]) -> Self {
        Self::new(Role::Input, element_type, shape)
    }

    /// An input in the file.
    pub fn constant(element_type: TensorType, shape: &[usize], bytes: Vec<u8>) -> Self {
        Self::new(Role::Constant(bytes), element_type, shape)
    }

    /// A constant of int32.
    pub fn int32s(shape: &[usize], values: &[i32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::constant(TensorType::Int32, shape, bytes)
    }

    /// A constant of float32.
    pub fn floats(shape: &[usize], values: &[f32]) -> Self {
        Self::constant(TensorType::Float32, shape, bytes_of(values))
    }

    /// An input that keeps its value.
    pub fn variable(element_type: TensorType, shape: &[usize]) -> Self {
        Self::new(Role::Variable, element_type, shape)
    }

    /// An output, of the model too.
    pub fn output(element_type: TensorType, shape: &[usize]) -> Self {
        Self::new(Role::Output, element_type, shape)
    }

    /// The same as an output of the operator; a variable stays one.
    pub fn into_output(mut self) -> Self {
        self.role = if let Role::Variable = self.role { Role::Kept } else { Role::Output };
        self
    }

    /// An input that is left out.
    pub fn absent() -> Self {
        Self::new(Role::Absent, TensorType::Int8, &[])
    }

    /// Quantised as a whole.
    pub fn affine(self, scale: f32, zero_point: i32) -> Self {
        self.quantised(vec![scale], zero_point, 0)
    }

    /// Quantised by the index of a dimension, each with its own zero point.
    pub fn zero_points(mut self, zero_points: &[i32], dimension: usize) -> Self {
        let scales = vec![1.0; zero_points.len()];
        let zero_points = zero_points.to_vec();
        self.quantization = Some(Quantization { scales, zero_point: zero_points[0], zero_points, dimension });
        self
    }

    /// Quantised symmetrically by the index of a dimension.
    pub fn per_channel(self, scales: &[f32], dimension: usize) -> Self {
        self.quantised(scales.to_vec(), 0, dimension)
    }

    fn quantised(mut self, scales: Vec<f32>, zero_point: i32, dimension: usize) -> Self {
        self.quantization =
            Some(Quantization { scales, zero_point, zero_points: Vec::new(), dimension });
        self
    }
}

/// An attribute.
#[derive(Clone)]
pub enum Field {
    I8(i8),
    I32(i32),
    F32(f32),
    I32s(Vec<i32>),
}

/// Attributes: the member of the union, and its fields by slot.
pub type Fields<'a> = (u8, &'a [(usize, Field)]);

/// A model of this operator alone; its inputs and outputs are the operator's.
pub fn single(op: &Registration, tensors: &[Given], options: Option<Fields<'_>>) -> Model {
    let subgraphs = vec![Subgraph::default()];
    add(Model { bytes: Vec::new(), subgraphs, is_planned: false }, op, Operator::default(), tensors, options)
}

/// The same with another operator, which has these tensors and takes the model's output as first input.
pub fn then(mut model: Model, op: &Registration, tensors: &[Given], options: Option<Fields<'_>>) -> Model {
    let mut operator = Operator::default();
    operator.inputs.extend(model.subgraphs[0].outputs.drain(..).map(Some));
    add(model, op, operator, tensors, options)
}

fn add(mut model: Model, op: &Registration, mut operator: Operator, tensors: &[Given], options: Option<Fields<'_>>) -> Model {
    let main = &mut model.subgraphs[0];
    match op.key {
        OpKey::Builtin(code) => operator.code = code,
        OpKey::Custom(name) => {
            operator.code = CUSTOM;
            operator.custom_name = append(&mut model.bytes, name);
        }
    }
    for given in tensors {
        let index = main.tensors.len();
        let location = match &given.role {
            Role::Constant(bytes) => Location::Constant(append(&mut model.bytes, bytes)),
            Role::Variable | Role::Kept => Location::Variable,
            _ => Location::Arena,
        };
        match given.role {
            Role::Output | Role::Kept => {
                operator.outputs.push(index);
                main.outputs.push(index);
            }
            Role::Absent => operator.inputs.push(None),
            _ => operator.inputs.push(Some(index)),
        }
        if let Role::Input = given.role {
            main.inputs.push(index);
        }
        let shape = Shape::new(&given.shape).unwrap();
        main.tensors.push(Tensor {
            name: 0..0,
            element_type: given.element_type,
            shape,
            bytes: (shape.elements() * given.element_type.bits()).div_ceil(8),
            quantization: given.quantization.clone(),
            location,
            unsigned: false,
        });
    }
    if let Some((member, fields)) = options {
        let position = append_table(&mut model.bytes, fields);
        operator.options = Some(OptionsAt { member, position });
    }
    main.operators.push(operator);
    model
}

/// A model of one custom operator, whose attributes are a map: integers, or floats where the text of a value has a point.
pub fn custom(op: &Registration, tensors: &[Given], options: &[(&str, &str)]) -> Model {
    let mut model = single(op, tensors, None);
    let options = append(&mut model.bytes, &flexbuffer_map(options));
    model.subgraphs[0].operators[0].custom_options = options;
    model
}

/// A FlexBuffer: names, where they are, then the values, all of 32 bits. The names come sorted.
fn flexbuffer_map(options: &[(&str, &str)]) -> Vec<u8> {
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    for (name, _) in options {
        starts.push(bytes.len());
        bytes.extend(name.as_bytes());
        bytes.push(0);
    }
    let put = |bytes: &mut Vec<u8>, value: usize| bytes.extend((value as u32).to_le_bytes());
    put(&mut bytes, options.len());
    let keys = bytes.len();
    for start in starts {
        let distance = bytes.len() - start;
        put(&mut bytes, distance);
    }
    let distance = bytes.len() - keys;
    put(&mut bytes, distance);
    put(&mut bytes, 4);
    put(&mut bytes, options.len());
    let values = bytes.len();
    for (_, value) in options {
        match value.parse::<i32>() {
            Ok(integer) => bytes.extend(integer.to_le_bytes()),
            Err(_) => bytes.extend(value.parse::<f32>().unwrap().to_le_bytes()),
        }
    }
    // Four times the kind, and 2 for the width.
    bytes.extend(options.iter().map(|(_, value)| if value.parse::<i32>().is_ok() { 6 } else { 14 }));
    let distance = bytes.len() - values;
    put(&mut bytes, distance);
    bytes.extend([9 << 2 | 2, 4]);
    bytes
}

fn append(file: &mut Vec<u8>, bytes: &[u8]) -> core::ops::Range<usize> {
    let start = file.len();
    file.extend(bytes);
    start..file.len()
}

/// A table of a FlatBuffer: the distances of its fields, then the fields, then what they point at.
fn append_table(file: &mut Vec<u8>, fields: &[(usize, Field)]) -> usize {
    file.resize(file.len().next_multiple_of(4), 0);
    let slots = fields.iter().map(|(slot, _)| slot + 1).max().unwrap_or(0);
    let (vtable_bytes, table_bytes) = (4 + 2 * slots, 4 + 4 * fields.len());
    let mut entries = vec![0u16; slots];
    for (index, (slot, _)) in fields.iter().enumerate() {
        entries[*slot] = 4 + 4 * index as u16;
    }
    file.extend((vtable_bytes as u16).to_le_bytes());
    file.extend((table_bytes as u16).to_le_bytes());
    file.extend(entries.iter().flat_map(|entry| entry.to_le_bytes()));
    let position = file.len();
    file.extend((vtable_bytes as i32).to_le_bytes());
    let mut vectors = Vec::new();
    for (index, (_, field)) in fields.iter().enumerate() {
        file.extend(match field {
            Field::I8(value) => i32::from(*value).to_le_bytes(),
            Field::I32(value) => value.to_le_bytes(),
            Field::F32(value) => value.to_le_bytes(),
            Field::I32s(values) => {
                let distance = table_bytes - 4 - 4 * index + vectors.len();
                vectors.extend((values.len() as u32).to_le_bytes());
                vectors.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                (distance as u32).to_le_bytes()
            }
        });
    }
    file.extend(vectors);
    position
}

/// Prepares a model and runs it once; gives the bytes of its outputs, which are those of the plain kernels and of batches too.
pub fn run(model: Model, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>> {
    run_often(model, inputs, 1)
}

/// The same after several runs with these inputs.
pub fn run_often(model: Model, inputs: &[&[u8]], times: usize) -> Result<Vec<Vec<u8>>> {
    let fast = run_with(&ALL, model.clone(), inputs, times);
    let all_channels = run_with(&Registry { leaves_out: false, ..ALL }, model.clone(), inputs, times);
    assert_eq!(fast, all_channels, "constant channels left out and computed");
    if fast.is_ok() {
        check_batches(model.clone(), inputs);
    }
    for kernels in [Kernels::Words, Kernels::Compact, Kernels::Plain] {
        let found = run_with(&Registry { kernels, ..ALL }, model.clone(), inputs, times);
        assert_eq!(fast, found, "fast kernels and those for {kernels:?}");
    }
    fast
}

/// Runs batches of a model, each sample with other inputs, where it can run as one.
fn check_batches(model: Model, inputs: &[&[u8]]) {
    let program = Arc::new(Program::prepare(model, &ALL).unwrap());
    let Ok(mut workspace) = Workspace::for_batches(&program) else { return };
    let main = program.model.main();
    let interpreter = || Interpreter::new(Arc::clone(&program), Limits { arena_bytes: 1 << 24 }).unwrap();
    for samples in [2, 3] {
        let fill = |interpreter: &mut Interpreter, sample| {
            for (&tensor, bytes) in main.inputs.iter().zip(inputs) {
                let mut bytes = bytes.to_vec();
                let by = sample * 8 % bytes.len().max(1);
                bytes.rotate_left(by);
                interpreter.tensor(tensor).unwrap().copy_from_slice(&bytes);
            }
        };
        let outputs = |interpreter: &mut Interpreter| -> Vec<Vec<u8>> {
            main.outputs.iter().map(|&tensor| interpreter.tensor(tensor).unwrap().to_vec()).collect()
        };
        let mut batch: Vec<_> = (0..samples).map(|_| interpreter()).collect();
        batch.iter_mut().enumerate().for_each(|(sample, interpreter)| fill(interpreter, sample));
        let ended = batch::invoke(&program, &mut batch, &mut workspace);
        for (sample, found) in batch.iter_mut().enumerate() {
            let mut single = interpreter();
            fill(&mut single, sample);
            if single.invoke(&mut workspace).is_err() {
                assert!(ended.is_err());
                break;
            }
            if ended.is_ok() {
                assert_eq!(outputs(found), outputs(&mut single), "sample {sample} of {samples}");
            }
        }
    }
}

fn run_with(registry: &Registry, model: Model, inputs: &[&[u8]], times: usize) -> Result<Vec<Vec<u8>>> {
    let program = Arc::new(Program::prepare(model, registry)?);
    let mut workspace = Workspace::new(&program)?;
    let mut interpreter = Interpreter::new(Arc::clone(&program), Limits { arena_bytes: 1 << 24 })?;
    let main = program.model.main();
    for (&tensor, bytes) in main.inputs.iter().zip(inputs) {
        interpreter.tensor(tensor)?.copy_from_slice(bytes);
    }
    for _ in 0..times {
        interpreter.invoke(&mut workspace)?;
    }
    main.outputs.iter().map(|&tensor| Ok(interpreter.tensor(tensor)?.to_vec())).collect()
}

/// Floats as a tensor holds them.
pub fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Floats of a tensor.
pub fn floats_of(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Equal to the last bit, signs of zero included.
pub fn assert_same(found: &[u8], expected: &[f32], about: &str) {
    let found = floats_of(found);
    assert_eq!(found.len(), expected.len(), "{about}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.to_bits(), expected.to_bits(), "{found} {expected} {about}");
    }
}
