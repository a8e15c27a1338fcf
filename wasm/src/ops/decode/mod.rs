//! TFLM_DECODE: constants that a tool has compressed, made whole again.
//!
//! Upstream: `micro/kernels/decode.cc`, `decode_state*.cc`. Inputs come in pairs: the codes, and a table behind a header
//! that says how to read them. Both are constants, so that all is decoded once before the first run, into constants.

mod huffman;
mod lut;
mod prune;

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::model::OpKey;
use crate::model::tensor::Tensor;
use crate::ops::signature::{ANY, BOOL, FLOAT32, INT8, INT16, INT32, INT64, Signature};
use crate::ops::{Action, Node, Registration, Request, allocate};

/// Decodes constants.
pub static TFLM_DECODE: Registration = Registration {
    key: OpKey::Custom(b"TFLM_DECODE"),
    name: "TFLM_DECODE",
    inputs: 2..=limits::OPERATOR_TENSORS,
    outputs: 1..=limits::OPERATOR_TENSORS / 2,
    types: &[Signature { inputs: &[ANY], outputs: &[BOOL.or(FLOAT32).or(INT8).or(INT16).or(INT32).or(INT64)] }],
    prepare,
};

/// Bytes of the header: kind of codes, version, two unused, version of the kind, its attributes.
const HEADER: usize = 16;

/// A way to read codes.
trait Decoder {
    /// Fills the output, or refuses codes that lead out of themselves or of the table.
    fn decode(&self, codes: &[u8], table: &[u8], output: &mut [u8]) -> Result<()>;
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let invalid = ErrorKind::OperatorInvalid;
    ensure(node.operator.inputs.len() == 2 * node.operator.outputs.len(), invalid)?;
    // Of all outputs together, before any of them is made: pairs may be one pair, and cost the file nothing.
    let mut left = limits::FILE_BYTES;
    let mut outputs = Vec::new();
    for at in 0..node.operator.outputs.len() {
        let (codes, output) = (node.constant(node.input(2 * at)?)?, node.output(at)?);
        let ancillary = node.constant(node.input(2 * at + 1)?)?;
        let (header, table) = ancillary.split_first_chunk::<HEADER>().ok_or(invalid)?;
        ensure((header[1], header[4]) == (1, 1), ErrorKind::OperatorUnsupported)?;
        left = left.checked_sub(output.bytes).ok_or(ErrorKind::ModelTooLarge)?;
        let mut decoded = allocate(output.bytes, 0)?;
        match header[0] {
            0 => lut::Lut::new(header, output)?.decode(codes, table, &mut decoded)?,
            1 => huffman::Huffman::new(header, output)?.decode(codes, table, &mut decoded)?,
            2 => prune::Prune::new(output)?.decode(codes, table, &mut decoded)?,
            _ => return Err(ErrorKind::OperatorUnsupported.into()),
        }
        outputs.push(decoded);
        // At most one step for each bit, and one for each element.
        request.comparisons(codes.len() as u64 * 8);
    }
    Ok(Action::Constant(outputs))
}

/// Which elements belong to which channel.
struct Channels {
    count: usize,
    /// Neighbours of one channel.
    run: usize,
}

impl Channels {
    /// One channel for each scale, along the first or the last dimension.
    fn new(output: &Tensor) -> Result<Self> {
        let elements = output.shape.elements();
        let Some(quantization) = &output.quantization else { return Ok(Self { count: 1, run: elements }) };
        let count = quantization.scales.len().max(1);
        if count > 1 && quantization.dimension + 1 == output.shape.rank() {
            return Ok(Self { count, run: 1 });
        }
        ensure(quantization.dimension == 0, ErrorKind::QuantisationInvalid)?;
        Ok(Self { count, run: (elements / count).max(1) })
    }

    fn of(&self, element: usize) -> usize {
        element / self.run % self.count
    }
}

/// Up to 16 bits at a position, the highest of a byte first; zeros behind the end.
fn bits(bytes: &[u8], position: usize, count: usize) -> usize {
    let mut word = [0; 4];
    for (slot, byte) in word.iter_mut().zip(bytes.get(position / 8..).unwrap_or(&[])) {
        *slot = *byte;
    }
    (u32::from_be_bytes(word) << (position % 8) >> (32 - count)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, Operator};
    use crate::model::tensor::TensorType::{self, Bool, Float32, Int8, Int16, Int32, Int64, Uint8};
    use crate::testing::{Given, Random, run, single};

    /// Codes, the attributes of their kind, and a table.
    #[derive(Clone)]
    struct Packed {
        codes: Vec<u8>,
        header: Vec<u8>,
        table: Vec<u8>,
    }

    impl Packed {
        fn new(kind: u8, attributes: [u8; 2], codes: &[u8], table: &[u8]) -> Self {
            let mut header = vec![kind, 1, 0, 0, 1];
            header.extend(attributes);
            header.resize(HEADER, 0);
            Self { codes: codes.to_vec(), header, table: table.to_vec() }
        }

        fn inputs(&self) -> [Given; 2] {
            let ancillary = [&self.header[..], &self.table].concat();
            let bytes = |bytes: &[u8]| Given::constant(Uint8, &[bytes.len()], bytes.to_vec());
            [bytes(&self.codes), bytes(&ancillary)]
        }
    }

    fn decode(pairs: &[(Packed, Given)]) -> Result<Vec<Vec<u8>>> {
        let inputs = pairs.iter().flat_map(|(packed, _)| packed.inputs());
        let outputs = pairs.iter().map(|(_, output)| output.clone());
        run(single(&TFLM_DECODE, &inputs.chain(outputs).collect::<Vec<_>>(), None), &[])
    }

    fn kind_of(packed: Packed, output: Given) -> Option<ErrorKind> {
        decode(&[(packed, output)]).err().map(|error| error.kind())
    }

    /// Two bits for each of eight elements: 0 to 3, and 3 to 0.
    fn lut() -> Packed {
        Packed::new(0, [2, 4], &[0b0001_1011, 0b1110_0100], &[10, 11, 12, 13, 20, 21, 22, 23])
    }

    /// 0 is `a`; 10 is `b`; 110 and 111 are `c` and `d`, in a table behind the first, which takes two bits.
    fn huffman(wide: bool) -> Packed {
        let entry = |found: u32, count: u32, rest: u32| {
            let width = if wide { 27 } else { 11 };
            let entry = found << (width + 4) | count << width | rest;
            entry.to_le_bytes()[..if wide { 4 } else { 2 }].to_vec()
        };
        let table = [
            entry(1, 1, u32::from(b'a')),
            entry(1, 1, u32::from(b'a')),
            entry(1, 2, u32::from(b'b')),
            entry(0, 0, 1),
            entry(1, 1, u32::from(b'c')),
            entry(1, 1, u32::from(b'd')),
        ];
        // d, a, b, c, a, a: the last lookup ends behind the last bit.
        Packed::new(1, [0x10 | u8::from(wide), 0], &[0b1110_1011, 0b0000_0000], &table.concat())
    }

    #[test]
    fn indices_find_values_of_any_type() {
        for element_type in [Bool, Int8, Int16, Int32, Int64, Float32] {
            let size = element_type.bits() / 8;
            let mut packed = lut();
            packed.table = (0..4 * size as u8).collect();
            let found = decode(&[(packed, Given::output(element_type, &[8]))]).unwrap().remove(0);
            let value = |index: usize| (0..size).map(move |byte| (index * size + byte) as u8);
            assert_eq!(found, [0, 1, 2, 3, 3, 2, 1, 0].into_iter().flat_map(value).collect::<Vec<_>>(), "{element_type:?}");
        }
    }

    #[test]
    fn indices_of_any_width_lie_one_behind_the_other() {
        let mut random = Random::new(4);
        for width in 1..=7usize {
            let indices: Vec<usize> = (0..50).map(|_| random.below(1 << width)).collect();
            let bits = indices.iter().flat_map(|index| (0..width).rev().map(move |bit| (index >> bit & 1) as u8));
            let mut bits: Vec<u8> = bits.collect();
            bits.resize(bits.len().next_multiple_of(8), 0);
            let codes: Vec<u8> = bits.chunks(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
            let table: Vec<u8> = (0..1 << width).collect();
            let packed = Packed::new(0, [width as u8, 128], &codes, &table);
            let found = decode(&[(packed, Given::output(Int8, &[50]))]).unwrap().remove(0);
            assert_eq!(found, indices.iter().map(|index| *index as u8).collect::<Vec<_>>(), "{width}");
        }
    }

    #[test]
    fn each_channel_has_a_table_of_its_own_along_the_first_or_the_last_dimension() {
        let along = |dimension, shape: &[usize]| {
            let output = Given::output(Int8, shape).per_channel(&[1.0, 1.0], dimension);
            decode(&[(lut(), output)]).unwrap().remove(0)
        };
        assert_eq!(along(0, &[2, 4]), [10, 11, 12, 13, 23, 22, 21, 20]);
        assert_eq!(along(1, &[4, 2]), [10, 21, 12, 23, 13, 22, 11, 20]);
        let between = Given::output(Int8, &[2, 2, 2]).per_channel(&[1.0, 1.0], 1);
        assert_eq!(kind_of(lut(), between), Some(ErrorKind::QuantisationInvalid));
    }

    #[test]
    fn what_is_pruned_is_the_zero_point_of_its_channel() {
        let packed = Packed::new(2, [0, 0], &[0b1001_0110], &[1, 2, 3, 4]);
        let prune = |output: Given| decode(&[(packed.clone(), output)]).map(|mut found| found.remove(0));
        assert_eq!(prune(Given::output(Int8, &[8])).unwrap(), [1, 0, 0, 2, 0, 3, 4, 0]);
        assert_eq!(prune(Given::output(Int8, &[8]).affine(1.0, 9)).unwrap(), [1, 9, 9, 2, 9, 3, 4, 9]);
        let along = |dimension, shape: &[usize]| prune(Given::output(Int8, shape).zero_points(&[8, 9], dimension)).unwrap();
        assert_eq!(along(0, &[2, 4]), [1, 8, 8, 2, 9, 3, 4, 9]);
        assert_eq!(along(1, &[4, 2]), [1, 9, 8, 2, 8, 3, 4, 9]);
        for output in [Given::output(Int16, &[8]).affine(1.0, 1), Given::output(Int16, &[2, 4]).zero_points(&[0, 1], 0)] {
            assert_eq!(prune(output).unwrap_err().kind(), ErrorKind::QuantisationInvalid);
        }
    }

    #[test]
    fn codes_of_any_length_are_symbols_of_int8_or_int16() {
        for wide in [false, true] {
            let found = decode(&[(huffman(wide), Given::output(Int8, &[6]))]).unwrap().remove(0);
            assert_eq!(found, b"dabcaa");
        }
        let found = decode(&[(huffman(true), Given::output(Int16, &[6]))]).unwrap().remove(0);
        assert_eq!(found, b"d\0a\0b\0c\0a\0a\0");
        for (wide, element_type) in [(false, Int16), (false, Int32), (true, Int32), (true, Float32)] {
            let end = kind_of(huffman(wide), Given::output(element_type, &[6]));
            assert_eq!(end, Some(ErrorKind::TypeUnsupported), "{wide} {element_type:?}");
        }
    }

    #[test]
    fn several_constants_are_decoded_by_one_operator_each_in_its_way() {
        let pairs = [
            (lut(), Given::output(Int8, &[8])),
            (huffman(false), Given::output(Int8, &[2])),
            (Packed::new(2, [0, 0], &[0x40], &[7]), Given::output(Int8, &[3])),
        ];
        assert_eq!(decode(&pairs).unwrap(), [vec![10, 11, 12, 13, 13, 12, 11, 10], b"da".to_vec(), vec![0, 7, 0]]);
    }

    #[test]
    fn what_is_decoded_serves_other_operators_as_a_constant() {
        let [codes, ancillary] = Packed::new(0, [1, 2], &[0b0010_1100], &[0, 0, 0, 0, 1, 0, 0, 0]).inputs();
        let paddings = Given::output(Int32, &[3, 2]);
        let (from, to) = (Given::input(Int8, &[1, 1, 1]).affine(1.0, 0), Given::output(Int8, &[1, 2, 3]).affine(1.0, 0));
        let decoding = [codes, ancillary, paddings, from, to];
        let mut model = single(&TFLM_DECODE, &decoding, None);
        let main = &mut model.subgraphs[0];
        // Only the padded tensor is an output of the model.
        main.operators[0].inputs.truncate(2);
        main.operators[0].outputs.truncate(1);
        main.outputs.remove(0);
        main.operators.push(Operator { code: 34, inputs: vec![Some(3), Some(2)], outputs: vec![4], ..Operator::default() });
        // Along the three dimensions: none, one before, and one on either side.
        assert_eq!(run(model, &[&[7]]).unwrap(), [[0, 0, 0, 0, 7, 0]]);
    }

    #[test]
    fn headers_that_say_something_else_are_refused() {
        let unknown = Some(ErrorKind::OperatorUnsupported);
        let changes = [(0, 3, unknown), (0, 127, unknown), (1, 0, unknown), (1, 2, unknown), (4, 2, unknown)];
        for (at, byte, kind) in changes.into_iter().chain([(5, 0, Some(ErrorKind::OperatorInvalid))]) {
            let mut packed = lut();
            packed.header[at] = byte;
            assert_eq!(kind_of(packed, Given::output(Int8, &[8])), kind, "{at} {byte}");
        }
    }

    #[test]
    fn codes_that_end_early_or_lead_out_of_their_table_are_refused() {
        let invalid = Some(ErrorKind::OperatorInvalid);
        let prune = Packed::new(2, [0, 0], &[0xff], &[0; 8]);
        for packed in [lut(), huffman(false), huffman(true), prune] {
            let bits = packed.codes.len() * 8;
            let output = |elements: usize| Given::output(Int8, &[elements]);
            assert_eq!(kind_of(packed.clone(), output(bits + 1)), invalid);
            for cut in [0, 2] {
                let table = packed.table[..cut].to_vec();
                assert_eq!(kind_of(Packed { table, ..packed.clone() }, output(6)), invalid, "{cut}");
            }
            for cut in 1..HEADER {
                let header = packed.header[..cut].to_vec();
                assert_eq!(kind_of(Packed { header, table: vec![], ..packed.clone() }, output(6)), invalid, "{cut}");
            }
        }
        // A table that leads from nowhere to nowhere.
        let endless = Packed::new(1, [0, 0], &[0; 4], &[0; 8]);
        assert_eq!(kind_of(endless, Given::output(Int8, &[1])), invalid);
    }

    #[test]
    fn inputs_that_are_computed_or_have_no_partner_are_refused() {
        let [codes, ancillary] = lut().inputs();
        let output = Given::output(Int8, &[8]);
        let end = |tensors: &[Given], inputs: &[&[u8]]| {
            let model: Model = single(&TFLM_DECODE, tensors, None);
            run(model, inputs).unwrap_err().kind()
        };
        let invalid = ErrorKind::OperatorInvalid;
        let computed = |bytes: usize| Given::input(Uint8, &[bytes]);
        assert_eq!(end(&[computed(2), ancillary.clone(), output.clone()], &[&[0; 2]]), invalid);
        assert_eq!(end(&[codes.clone(), computed(24), output.clone()], &[&[0; 24]]), invalid);
        assert_eq!(end(&[codes.clone(), ancillary.clone(), codes.clone(), output.clone()], &[]), invalid);
        assert_eq!(end(&[codes, ancillary, output.clone(), output], &[]), invalid);
    }

    #[test]
    fn random_bytes_are_refused_or_decoded() {
        let mut random = Random::new(5);
        let types: [TensorType; 6] = [Bool, Int8, Int16, Int32, Int64, Float32];
        let mut decoded = 0;
        for round in 0..20_000usize {
            let mut any = |most: usize| {
                let length = 1 + random.below(most);
                random.bytes(length)
            };
            let (codes, table, attributes) = (any(8), any(64), any(2));
            let attributes = [attributes[0], attributes[attributes.len() - 1] & 15];
            let mut packed = Packed::new((round % 3) as u8, attributes, &codes, &table);
            if random.below(4) == 0 {
                packed.header[random.below(HEADER)] = random.any() as u8;
            }
            let output = Given::output(types[random.below(types.len())], &[1 + random.below(3), 1 + random.below(8)]);
            decoded += usize::from(decode(&[(packed, output)]).is_ok());
        }
        assert!(decoded > 500, "{decoded}");
    }
}
