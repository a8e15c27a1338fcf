//! Finds channels of int8 convolutions that hold the same value for every input: pruned models have many, and none of them is worth
//! a product.
//!
//! Upstream's functions from sums to outputs grow, so the least and the greatest sum tell what an output can be. Followed from layer
//! to layer, the bounds narrow. The bounds are the proof: what is left out is known, not guessed.

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Multiplier, OutputStage};
use crate::memory::{allocate, gather};
use crate::model::{Model, OpKey};
use crate::ops::channels::Channels;
use crate::ops::weights::int8::{Layer, by_channel, widened};
use crate::ops::window::Window;
use crate::ops::{Node, conv, depthwise_conv};
use crate::simd::requantise::reach;

/// What a channel holds at least and at most.
type Bounds = (i8, i8);

const ANY: Bounds = (i8::MIN, i8::MAX);

/// How many weights are looked at: operators may share them, so that a small file has any number.
const MOST_WEIGHTS: usize = 1 << 24;

/// Kept channels are a multiple of this: kernels compute so many together.
const TOGETHER: usize = 8;

/// What is known of a convolution.
#[derive(Clone, Copy)]
struct Fact {
    is_depthwise: bool,
    input: usize,
    output: usize,
    /// Whether no window sees the border of the image.
    is_inside: bool,
    zero_point: i32,
}

/// The tensors of a model of one subgraph some of whose channels need not be computed.
pub(crate) fn constant_channels(model: &Model) -> Result<Vec<Option<Channels>>> {
    let [subgraph] = model.subgraphs.as_slice() else { return Ok(Vec::new()) };
    let mut bounds = gather(subgraph.tensors.len(), subgraph.tensors.iter().map(|_| Ok(Vec::new())))?;
    let mut facts = allocate(subgraph.operators.len(), None)?;
    let mut reads = allocate(subgraph.tensors.len(), 0)?;
    let mut left = MOST_WEIGHTS;
    for (operator, slot) in subgraph.operators.iter().zip(&mut facts) {
        let node = Node { model, subgraph, operator, handles: &[], channels: &[] };
        let weights = operator.inputs.get(1).copied().flatten().and_then(|filter| subgraph.tensors.get(filter));
        left = left.saturating_sub(weights.map_or(0, |weights| weights.shape.elements()));
        if left > 0 {
            *slot = fact(&node, &mut bounds);
        }
    }
    for read in subgraph.operators.iter().flat_map(|operator| operator.inputs.iter().flatten()).chain(&subgraph.outputs) {
        *reads.get_mut(*read).ok_or(ErrorKind::EngineInternal)? += 1;
    }
    let mut graph = Graph { bounds, channels: allocate(subgraph.tensors.len(), None)?, facts, reads };
    // Readers before what they read.
    for number in (0..graph.facts.len()).rev() {
        graph.decide(number)?;
    }
    Ok(graph.channels)
}

/// Reads an operator, and bounds its outputs. What is wrong with an operator is told when it is prepared.
fn fact(node: &Node<'_>, bounds: &mut [Vec<Bounds>]) -> Option<Fact> {
    let input = node.operator.inputs.first().copied().flatten()?;
    let output = node.operator.outputs.first().copied()?;
    let (is_depthwise, window, layer) = match node.model.key(node.operator) {
        OpKey::Builtin(3) => conv::layer(node).ok()?.map(|(geometry, layer)| (false, geometry.window, layer))?,
        OpKey::Builtin(4) => depthwise_conv::layer(node).ok()?.map(|(geometry, layer)| (true, geometry.window, layer))?,
        _ => return None,
    };
    let is_inside = window.is_inside();
    let zero_point = layer.zero_point;
    let found = outputs(&layer, &window, is_depthwise, bounds.get(input)?).ok()?;
    *bounds.get_mut(output)? = found;
    Some(Fact { is_depthwise, input, output, is_inside, zero_point })
}

/// The bounds of all outputs of a layer, from those of its inputs.
fn outputs(layer: &Layer, window: &Window, is_depthwise: bool, inputs: &[Bounds]) -> Result<Vec<Bounds>> {
    let channels = layer.bias.len();
    let taps = layer.weights.len() / channels;
    let mut found = allocate(channels, ANY)?;
    let is_inside = window.is_inside();
    let span = |input: usize| {
        let (least, greatest) = inputs.get(input).copied().unwrap_or(ANY);
        let [least, greatest] = [least, greatest].map(|value| (i32::from(value) - layer.zero_point) as i16);
        // The border holds the zero point.
        if is_inside { (least, greatest) } else { (least.min(0), greatest.max(0)) }
    };
    let (mut least, mut greatest) = (allocate(taps, 0)?, allocate(taps, 0)?);
    let weights = if is_depthwise { by_channel(&layer.weights, channels)? } else { widened(&layer.weights, 0)? };
    let known = layer.bias.iter().zip(&layer.multipliers).zip(weights.chunks_exact(taps)).zip(&mut found);
    for (channel, (((bias, multiplier), weights), found)) in known.enumerate() {
        if is_depthwise || channel == 0 {
            for (tap, (least, greatest)) in least.iter_mut().zip(&mut greatest).enumerate() {
                (*least, *greatest) = span(if is_depthwise { channel } else { tap % window.input_channels });
            }
        }
        *found = rescaled(reach(weights, *bias, &least, &greatest), *multiplier, layer.stage).unwrap_or(ANY);
    }
    Ok(found)
}

/// The bounds of an output whose sum has these. Without a value where sums could wrap.
fn rescaled(reach: (i64, i64), multiplier: Multiplier, stage: OutputStage) -> Option<Bounds> {
    let output = |sum: i64| i8::try_from(stage.finish(multiplier.apply_once(i32::try_from(sum).ok()?))).ok();
    if multiplier.shift > 0 { None } else { Some((output(reach.0)?, output(reach.1)?)) }
}

struct Graph {
    /// Per tensor those of its channels; empty where nothing is known.
    bounds: Vec<Vec<Bounds>>,
    channels: Vec<Option<Channels>>,
    facts: Vec<Option<Fact>>,
    /// How often each tensor is read, as an output of the model too.
    reads: Vec<usize>,
}

impl Graph {
    /// Decides on the output of an operator, when its readers' outputs have been.
    fn decide(&mut self, number: usize) -> Result<()> {
        let Some(fact) = self.facts.get(number).copied().flatten() else { return Ok(()) };
        let reader = self.only_reader(fact.output);
        let conv = reader.filter(|reader| !reader.is_depthwise);
        let found = match reader.and_then(|reader| Some((reader, self.channels.get(reader.output)?.as_ref()?))) {
            // A channel that lives on in a depthwise convolution has to live before it.
            Some((reader, behind)) if reader.is_depthwise && !fact.is_depthwise => {
                Some(Channels { values: self.values(fact.output)?, kept: behind.kept.clone(), compact: true })
            }
            // A channel can only be left out of a depthwise convolution if it can be left out before it.
            _ if fact.is_depthwise => match (conv, self.is_behind_conv(fact.input)) {
                (Some(conv), true) => self.keep(fact.output, Some(conv))?,
                _ => None,
            },
            _ => self.keep(fact.output, conv)?,
        };
        if let Some(slot) = self.channels.get_mut(fact.output) {
            *slot = found;
        }
        Ok(())
    }

    /// Whether nothing but a depthwise convolution reads what a convolution has computed.
    fn is_behind_conv(&self, tensor: usize) -> bool {
        let is_made = self.facts.iter().flatten().any(|fact| fact.output == tensor && !fact.is_depthwise);
        is_made && self.only_reader(tensor).is_some_and(|reader| reader.is_depthwise)
    }

    /// The convolution that reads a tensor, if nothing else does.
    fn only_reader(&self, tensor: usize) -> Option<Fact> {
        if self.reads.get(tensor) != Some(&1) {
            return None;
        }
        self.facts.iter().flatten().find(|fact| fact.input == tensor).copied()
    }

    /// The channels of a tensor to keep, compact for its only reader, or all in their places again for any.
    fn keep(&self, tensor: usize, reader: Option<Fact>) -> Result<Option<Channels>> {
        let bounds = self.bounds.get(tensor).ok_or(ErrorKind::EngineInternal)?;
        let is_left_out = |&(least, greatest): &Bounds| {
            least == greatest && reader.is_none_or(|reader| reader.is_inside || i32::from(least) == reader.zero_point)
        };
        let mut left = bounds.iter().filter(|bounds| is_left_out(bounds)).count() / TOGETHER * TOGETHER;
        left = left.min(bounds.len().saturating_sub(1) / TOGETHER * TOGETHER);
        if left == 0 || !bounds.len().is_multiple_of(TOGETHER) {
            return Ok(None);
        }
        let mut kept = allocate(bounds.len() - left, 0)?;
        let channels = bounds.iter().enumerate().filter(|(_, bounds)| {
            let leaves = left > 0 && is_left_out(bounds);
            left -= usize::from(leaves);
            !leaves
        });
        kept.iter_mut().zip(channels).for_each(|(slot, (channel, _))| *slot = channel);
        Ok(Some(Channels { values: self.values(tensor)?, kept, compact: reader.is_some() }))
    }

    fn values(&self, tensor: usize) -> Result<Vec<i8>> {
        let bounds = self.bounds.get(tensor).ok_or(ErrorKind::EngineInternal)?;
        gather(bounds.len(), bounds.iter().map(|(least, _)| Ok(*least)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::Int8;
    use crate::ops::conv::CONV_2D;
    use crate::ops::depthwise_conv::DEPTHWISE_CONV_2D;
    use crate::testing::{Field, Given, Random, run, single, then};

    /// Layers with a window of so many taps each way over a 5x5 image; about half of their channels are constant.
    fn chain(random: &mut Random, layers: &[(bool, usize)]) -> Model {
        let mut model: Option<Model> = None;
        let (mut channels, mut zero_point) = (16, random.zero_point());
        let input = Given::input(Int8, &[1, 5, 5, channels]).affine(1.0, zero_point);
        for (is_depthwise, filter) in layers.iter().copied() {
            let outputs = if is_depthwise { channels } else { 8 * (1 + random.below(4)) };
            let inputs = if is_depthwise { 1 } else { channels };
            let weights = random.bytes(filter * filter * inputs * outputs);
            let shape = if is_depthwise { [1, filter, filter, outputs] } else { [outputs, filter, filter, inputs] };
            let dimension = if is_depthwise { 3 } else { 0 };
            let scales: Vec<f32> = (0..outputs).map(|_| [1e-3, 1e-9][random.below(2)]).collect();
            let bias: Vec<i32> = (0..outputs).map(|_| [0, 1 << 24, -(1 << 24), 1 << 10][random.below(4)]).collect();
            zero_point = [-128, random.zero_point()][random.below(2)];
            let tensors = [
                Given::constant(Int8, &shape, weights).per_channel(&scales, dimension),
                Given::int32s(&[outputs], &bias),
                Given::output(Int8, &[1, 5, 5, outputs]).affine(1.0, zero_point),
            ];
            let fields = [(0, Field::I8(0)), (1, Field::I32(1)), (2, Field::I32(1))];
            let op = if is_depthwise { &DEPTHWISE_CONV_2D } else { &CONV_2D };
            let options = Some((1 + u8::from(is_depthwise), fields.as_slice()));
            model = Some(match model {
                Some(model) => then(model, op, &tensors, options),
                None => single(op, &[core::slice::from_ref(&input), tensors.as_slice()].concat(), options),
            });
            channels = outputs;
        }
        model.unwrap()
    }

    #[test]
    fn layers_without_their_constant_channels_give_what_the_plain_kernels_give() {
        let mut random = Random::new(21);
        let (mut compact, mut spread) = (0, 0);
        for _ in 0..60 {
            let layers: Vec<_> = (0..5).map(|_| (random.below(2) == 0, [1, 1, 3][random.below(3)])).collect();
            let model = chain(&mut random, &layers);
            for channels in constant_channels(&model).unwrap().iter().flatten() {
                *if channels.compact { &mut compact } else { &mut spread } += 1;
            }
            let input = random.bytes(5 * 5 * 16);
            run(model, &[&input]).unwrap();
        }
        assert!(compact > 20 && spread > 20, "{compact} {spread}");
    }

    #[test]
    fn what_others_read_too_keeps_all_of_its_channels_in_their_places() {
        let mut random = Random::new(22);
        let mut spread = 0;
        for _ in 0..20 {
            let mut model = chain(&mut random, &[(false, 1), (false, 1)]);
            let main = &mut model.subgraphs[0];
            let inner = main.operators[0].outputs[0];
            main.outputs.push(inner);
            let channels = constant_channels(&model).unwrap();
            assert!(channels.iter().flatten().all(|channels| !channels.compact));
            spread += channels.iter().flatten().count();
            let input = random.bytes(5 * 5 * 16);
            run(model, &[&input]).unwrap();
        }
        assert!(spread > 10, "{spread}");
    }
}
