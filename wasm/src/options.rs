//! The attributes of operators: the schema's `BuiltinOptions`, read and typed at verification.

use crate::error::{ErrorKind, Result, ensure};
use crate::flatbuffer::Table;
use crate::limits;
use crate::opcode;
use crate::quantization::Activation;
use crate::schema::OperatorTable;

/// How a window treats the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Output as large as input / stride, rounded up.
    Same,
    /// Only windows that lie inside.
    Valid,
}

/// Padding, stride and dilation of a sliding window; (height, width).
#[derive(Clone, Copy, Debug)]
pub struct Sliding {
    /// Border.
    pub padding: Padding,
    /// Steps, positive.
    pub stride: (usize, usize),
    /// Spread of the filter's taps, positive.
    pub dilation: (usize, usize),
}

/// Attributes of one operator.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Options {
    Conv { sliding: Sliding, activation: Activation },
    DepthwiseConv { sliding: Sliding, activation: Activation, multiplier: usize },
    Pool { sliding: Sliding, filter: (usize, usize), activation: Activation },
    FullyConnected { activation: Activation },
    Add { activation: Activation },
    Softmax { beta: f32 },
    Squeeze { dimensions: Vec<i32> },
    Reduce { keep_dimensions: bool },
    /// The operator has none, or none that its kernel obeys.
    None,
}

// Members of the union `BuiltinOptions`.
const CONV_2D: u8 = 1;
const DEPTHWISE_CONV_2D: u8 = 2;
const POOL_2D: u8 = 5;
const FULLY_CONNECTED: u8 = 8;
const SOFTMAX: u8 = 9;
const ADD: u8 = 11;
const REDUCER: u8 = 27;
const SQUEEZE: u8 = 30;

/// Greatest stride, dilation and filter size: far beyond use, and products of them fit.
const GREATEST: i32 = 1 << 15;

impl Options {
    /// Reads the attributes that the operator of this code needs.
    pub fn read(code: i32, operator: &OperatorTable<'_>) -> Result<Self> {
        let required = |member: u8| -> Result<Table<'_>> {
            match operator.options()? {
                Some((found, table)) if found == member => Ok(table),
                _ => Err(ErrorKind::OperatorInvalid.into()),
            }
        };
        Ok(match code {
            opcode::CONV_2D => {
                let table = required(CONV_2D)?;
                Self::Conv {
                    sliding: sliding(&table, Some((4, 5)))?,
                    activation: activation(&table, 3)?,
                }
            }
            opcode::DEPTHWISE_CONV_2D => {
                let table = required(DEPTHWISE_CONV_2D)?;
                Self::DepthwiseConv {
                    sliding: sliding(&table, Some((5, 6)))?,
                    multiplier: positive(table.scalar(3, 0)?)?,
                    activation: activation(&table, 4)?,
                }
            }
            opcode::AVERAGE_POOL_2D | opcode::MAX_POOL_2D => {
                let table = required(POOL_2D)?;
                Self::Pool {
                    sliding: sliding(&table, None)?,
                    filter: (positive(table.scalar(4, 0)?)?, positive(table.scalar(3, 0)?)?),
                    activation: activation(&table, 5)?,
                }
            }
            opcode::FULLY_CONNECTED => {
                let table = required(FULLY_CONNECTED)?;
                // Shuffled weights are a format of uint8 kernels on phones.
                ensure(table.scalar::<i8>(1, 0)? == 0, ErrorKind::OperatorInvalid)?;
                Self::FullyConnected { activation: activation(&table, 0)? }
            }
            opcode::ADD => Self::Add { activation: activation(&required(ADD)?, 0)? },
            opcode::SOFTMAX => {
                let beta: f32 = required(SOFTMAX)?.scalar(0, 0.0)?;
                ensure(beta.is_finite() && beta > 0.0, ErrorKind::OperatorInvalid)?;
                Self::Softmax { beta }
            }
            opcode::MEAN => {
                let keep: u8 = required(REDUCER)?.scalar(0, 0)?;
                Self::Reduce { keep_dimensions: keep != 0 }
            }
            opcode::SQUEEZE => {
                let found = required(SQUEEZE)?.scalars::<i32>(0, limits::RANK)?;
                let dimensions = found.map(|found| found.iter().collect()).transpose()?;
                Self::Squeeze { dimensions: dimensions.unwrap_or_default() }
            }
            _ => Self::None,
        })
    }
}

/// Padding and strides are the first three fields of every table with a window.
fn sliding(table: &Table<'_>, dilation: Option<(usize, usize)>) -> Result<Sliding> {
    let padding = match table.scalar::<i8>(0, 0)? {
        0 => Padding::Same,
        1 => Padding::Valid,
        _ => return Err(ErrorKind::OperatorInvalid.into()),
    };
    let stride = (positive(table.scalar(2, 0)?)?, positive(table.scalar(1, 0)?)?);
    let dilation = match dilation {
        Some((width, height)) => {
            (positive(table.scalar(height, 1)?)?, positive(table.scalar(width, 1)?)?)
        }
        None => (1, 1),
    };
    Ok(Sliding { padding, stride, dilation })
}

fn positive(value: i32) -> Result<usize> {
    ensure((1..=GREATEST).contains(&value), ErrorKind::OperatorInvalid)?;
    Ok(value as usize)
}

fn activation(table: &Table<'_>, slot: usize) -> Result<Activation> {
    Activation::from_schema(table.scalar(slot, 0)?)
}
