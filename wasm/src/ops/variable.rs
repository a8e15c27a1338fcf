//! VAR_HANDLE, READ_VARIABLE and ASSIGN_VARIABLE: variables that operators share by name.
//!
//! Upstream: `micro/kernels/var_handle.cc`, `read_variable.cc`, `assign_variable.cc`, `micro_resource_variable.cc`. Which
//! variable a handle names is known before the first run, so that handles have no bytes here.

use core::ops::Range;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{ANY, HANDLE, Signature};
use crate::ops::shape::Copy;
use crate::ops::{Action, Init, Node, Options, Registration, Request, VariableName};
use crate::run::io::Port;

/// The name of a variable.
pub static VAR_HANDLE: Registration = Registration {
    key: OpKey::Builtin(142),
    name: "VAR_HANDLE",
    inputs: 0..=0,
    outputs: 1..=1,
    types: &[Signature { inputs: &[], outputs: &[HANDLE] }],
    prepare: prepare_handle,
};

/// What a variable holds.
pub static READ_VARIABLE: Registration = Registration {
    key: OpKey::Builtin(143),
    name: "READ_VARIABLE",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[HANDLE], outputs: &[ANY] }],
    prepare: prepare_read,
};

/// Gives a variable another value, and its size.
pub static ASSIGN_VARIABLE: Registration = Registration {
    key: OpKey::Builtin(144),
    name: "ASSIGN_VARIABLE",
    inputs: 2..=2,
    outputs: 0..=0,
    types: &[Signature { inputs: &[HANDLE, ANY], outputs: &[] }],
    prepare: prepare_assign,
};

impl Options for VariableName {
    const MEMBER: u8 = 111;

    fn read(table: &Table<'_>) -> Result<Self> {
        let (container, shared_name) = (table.bytes(0)?, table.bytes(1)?);
        // Each name is compared with all others, and strings of a file may lie in one another.
        let short = |name: &Option<Range<usize>>| name.as_ref().is_none_or(|name| name.len() <= limits::NAME_BYTES);
        ensure(short(&container) && short(&shared_name), ErrorKind::ModelTooLarge)?;
        Ok(Self { container, shared_name })
    }
}

fn prepare_handle(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    Ok(Action::Handle(node.options()?))
}

fn prepare_read(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let variable = request.variable(node.handle(0)?, node.output(0)?.bytes, None);
    Ok(Action::run(Copy { from: variable, to: Port::Output(0) }))
}

fn prepare_assign(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let value = node.input(1)?;
    ensure(value.element_type != TensorType::Int4, ErrorKind::TypeUnsupported)?;
    // Upstream fills a variable with the low byte of the zero point, whatever its type.
    let zero_point = value.quantization.as_ref().map_or(0, |found| found.zero_point);
    let init = Init::Byte(zero_point as u8);
    let variable = request.variable(node.handle(0)?, value.bytes, Some(init));
    Ok(Action::run(Copy { from: Port::Input(1), to: variable }))
}
