//! Places tensors in the arena: those that live at the same time side by side, others on top of
//! each other.
//!
//! The algorithm is upstream's (`micro/memory_planner/greedy_memory_planner.cc`), so that the arena
//! is as large as there: the largest request first, each at the lowest offset where it fits between
//! the requests already placed whose lifetimes overlap its own. Among equals the later comes first,
//! as upstream's sort leaves them.

/// Memory wanted from one operator to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bytes.
    pub bytes: usize,
    /// First moment of use. Moment 0 is before the first operator.
    pub first: usize,
    /// Last moment of use.
    pub last: usize,
}

/// Offsets are multiples of this, and so are sizes.
pub const ALIGNMENT: usize = 16;

/// Where each request lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// One offset per request, in their order.
    pub offsets: Vec<usize>,
    /// Bytes of the whole arena.
    pub bytes: usize,
}

/// Plans; work grows with the square of the number of requests. Sizes saturate instead of
/// overflowing, so that no plan is smaller than its requests.
pub fn plan(requests: &[Request]) -> MemoryPlan {
    // Inserted one by one: the code of a sort would be larger than the rest of the planner.
    let mut order: Vec<(usize, usize)> = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        let size = aligned(request.bytes);
        // The later of equals comes first.
        let position = order.partition_point(|&(other, _)| other > size);
        order.insert(position, (size, index));
    }
    let mut offsets = vec![0; requests.len()];
    let mut total = 0;
    // Placed requests by offset.
    let mut placed: Vec<(usize, Request)> = Vec::with_capacity(requests.len());
    for (_, index) in order {
        let Some(&request) = requests.get(index) else { continue };
        let offset = lowest_fit(&placed, &request);
        if let Some(slot) = offsets.get_mut(index) {
            *slot = offset;
        }
        let position = placed.partition_point(|(other, _)| *other <= offset);
        placed.insert(position, (offset, request));
        total = total.max(offset.saturating_add(aligned(request.bytes)));
    }
    MemoryPlan { offsets, bytes: total }
}

/// The lowest offset whose gap takes the request.
fn lowest_fit(placed: &[(usize, Request)], wanted: &Request) -> usize {
    let size = aligned(wanted.bytes);
    let mut candidate: usize = 0;
    for (offset, other) in placed.iter().filter(|(_, other)| overlap(other, wanted)) {
        if offset.saturating_sub(candidate) >= size {
            break;
        }
        candidate = candidate.max(offset.saturating_add(aligned(other.bytes)));
    }
    candidate
}

fn overlap(one: &Request, other: &Request) -> bool {
    one.first <= other.last && other.first <= one.last
}

fn aligned(bytes: usize) -> usize {
    bytes.checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn random_requests(random: &mut Random) -> Vec<Request> {
        (0..1 + random.below(40))
            .map(|_| {
                let first = random.below(30);
                let bytes = 1 + random.below(2000);
                Request { bytes, first, last: first + random.below(8) }
            })
            .collect()
    }

    /// The slow check: every pair, every byte range.
    fn assert_disjoint(requests: &[Request], plan: &MemoryPlan) {
        for (i, a) in requests.iter().enumerate() {
            assert!(plan.offsets[i] + a.bytes <= plan.bytes);
            assert_eq!(plan.offsets[i] % ALIGNMENT, 0);
            for (j, b) in requests.iter().enumerate().skip(i + 1) {
                let together = (a.first..=a.last).any(|moment| (b.first..=b.last).contains(&moment));
                let apart = plan.offsets[i] + a.bytes <= plan.offsets[j]
                    || plan.offsets[j] + b.bytes <= plan.offsets[i];
                assert!(!together || apart, "{i} and {j} overlap: {requests:?} {plan:?}");
            }
        }
    }

    #[test]
    fn requests_that_live_together_never_overlap() {
        let mut random = Random::new(11);
        for _ in 0..300 {
            let requests = random_requests(&mut random);
            assert_disjoint(&requests, &plan(&requests));
        }
    }

    #[test]
    fn the_plan_lies_between_the_peak_and_the_sum() {
        let mut random = Random::new(12);
        for _ in 0..300 {
            let requests = random_requests(&mut random);
            let size = |request: &Request| aligned(request.bytes);
            let peak = (0..40)
                .map(|moment| {
                    let live = requests.iter().filter(|r| r.first <= moment && moment <= r.last);
                    live.map(size).sum::<usize>()
                })
                .max();
            let bytes = plan(&requests).bytes;
            assert!(Some(bytes) >= peak);
            assert!(bytes <= requests.iter().map(size).sum());
        }
    }

    #[test]
    fn a_chain_needs_its_two_largest_neighbours() {
        let chain = [100, 400, 300, 50]
            .iter()
            .enumerate()
            .map(|(index, &bytes)| Request { bytes, first: index, last: index + 1 })
            .collect::<Vec<_>>();
        assert_eq!(plan(&chain).bytes, 400 + 304);
    }

    #[test]
    fn no_requests_need_no_memory() {
        assert_eq!(plan(&[]), MemoryPlan { offsets: vec![], bytes: 0 });
    }
}
