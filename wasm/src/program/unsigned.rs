//! Models of uint8, as older converters wrote them. A shift by 128 makes them models of int8 with the same real values: upstream has kernels
//! for these alone. Who runs the model sees uint8 all the same.

use core::ops::Range;

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::memory::{append, copied};
use crate::model::Model;
use crate::model::tensor::{Location, SHIFT, Tensor, TensorType};
use crate::ops::{Registry, signature};

/// Shifts all quantised tensors of uint8, where an operator of the model takes none.
pub(crate) fn shift(model: &mut Model, registry: &Registry) -> Result<()> {
    let is_unsigned = |tensor: &Tensor| tensor.element_type == TensorType::Uint8 && tensor.quantization.is_some();
    let refuses = |subgraph: usize, index: usize| {
        let Some(operator) = model.operator(subgraph, index) else { return false };
        let tensors = operator.inputs.iter().flatten().chain(&operator.outputs);
        let mut tensors = tensors.filter_map(|&tensor| model.tensor(subgraph, tensor));
        let found = registry.find(model.key(operator));
        tensors.any(is_unsigned)
            && found.is_ok_and(|found| !signature::fits(found.types, |tensor| model.tensor(subgraph, tensor), operator))
    };
    let mut all = model.subgraphs.iter().enumerate().flat_map(|(number, subgraph)| (0..subgraph.operators.len()).map(move |index| (number, index)));
    if !all.any(|(subgraph, index)| refuses(subgraph, index)) {
        return Ok(());
    }
    let Model { bytes, subgraphs, .. } = model;
    let most = bytes.len() + limits::FILE_BYTES;
    for tensor in subgraphs.iter_mut().flat_map(|subgraph| &mut subgraph.tensors) {
        if !is_unsigned(tensor) {
            continue;
        }
        if let Location::Constant(range) = &tensor.location {
            tensor.location = Location::Constant(append_shifted(bytes, range.clone(), most)?);
        }
        tensor.element_type = TensorType::Int8;
        tensor.unsigned = true;
        if let Some(quantization) = &mut tensor.quantization {
            quantization.zero_point -= i32::from(SHIFT);
            quantization.zero_points.iter_mut().for_each(|zero_point| *zero_point -= i32::from(SHIFT));
        }
    }
    Ok(())
}

/// Constants may share their bytes with others: shifted ones are put behind the file.
fn append_shifted(bytes: &mut Vec<u8>, range: Range<usize>, most: usize) -> Result<Range<usize>> {
    ensure(bytes.len() + range.len() <= most, ErrorKind::ModelTooLarge)?;
    let mut shifted = copied(bytes.get(range).ok_or(ErrorKind::EngineInternal)?)?;
    shifted.iter_mut().for_each(|byte| *byte ^= SHIFT);
    append(bytes, &shifted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int8, Uint8};
    use crate::ops::binary::PRELU;
    use crate::ops::pooling::AVERAGE_POOL_2D;
    use crate::ops::unary::CAST;
    use crate::testing::{Field, Given, Random, run, single};

    #[test]
    fn bytes_of_uint8_are_those_of_int8_and_128_more_with_constants_and_at_each_border() {
        let mut random = Random::new(3);
        let (input, slopes) = (random.bytes(12), random.bytes(4));
        let shifted = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ SHIFT).collect::<Vec<_>>();
        let model = |element_type, from: i32, slopes: Vec<u8>| {
            let tensors = [
                Given::input(element_type, &[1, 3, 1, 4]).affine(0.1, from + 7),
                Given::constant(element_type, &[1, 1, 4], slopes).affine(0.01, from - 9),
                Given::output(element_type, &[1, 3, 1, 4]).affine(0.2, from + 3),
            ];
            single(&PRELU, &tensors, None)
        };
        let expected = run(model(Int8, 0, shifted(&slopes)), &[&shifted(&input)]).unwrap();
        let found = run(model(Uint8, 128, slopes), &[&input]).unwrap();
        assert_eq!(found[0], shifted(&expected[0]));
    }

    #[test]
    fn halves_of_means_are_rounded_up_as_bytes_that_are_never_negative() {
        let tensors = [
            Given::input(Uint8, &[1, 1, 2, 1]).affine(1.0, 128),
            Given::output(Uint8, &[1, 1, 1, 1]).affine(1.0, 128),
        ];
        let fields = [(0, Field::I8(1)), (1, Field::I32(2)), (2, Field::I32(1)), (3, Field::I32(2)), (4, Field::I32(1))];
        let mean = |bytes: [u8; 2]| run(single(&AVERAGE_POOL_2D, &tensors, Some((5, &fields))), &[&bytes]).unwrap();
        assert_eq!((mean([3, 4])[0][0], mean([200, 201])[0][0]), (4, 201));
    }

    #[test]
    fn a_number_that_is_read_off_a_shifted_byte_is_refused() {
        let tensors = [Given::input(Uint8, &[2]).affine(1.0, 0), Given::output(Float32, &[2])];
        let mut model = single(&CAST, &tensors, None);
        assert!(run(single(&CAST, &tensors, None), &[&[1, 2]]).is_ok());
        model.subgraphs[0].tensors[0].unsigned = true;
        assert_eq!(run(model, &[&[1, 2]]).unwrap_err().kind(), ErrorKind::FeatureUnsupported);
    }
}
