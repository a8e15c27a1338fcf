//! Winograd's F(4x4, 3x3) in integers: sixteen outputs for 36 products instead of 144, and exact.
//!
//! The usual matrices have fractions. Here those of the weights are multiplied out, so that an output is 576 times the
//! sum that it should be, modulo 2^32. 576 is 64 * 9, and 9 has an inverse modulo 2^32: a multiplication and a shift by
//! six bits give the sum itself if it is below 2^25.

use crate::simd::vector::{I16x8, I32x4};

/// Products of a tile.
pub const PRODUCTS: usize = 36;

/// Outputs of a tile, in each direction.
pub const TILE: usize = 4;

/// What sums have to stay below.
pub const SUMS_BELOW: i64 = 1 << 25;

/// The inverse of 9 modulo 2^32.
const NINTH: i32 = 954_437_177;

/// The nine weights of eight inputs and one output channel, row by row, as 36 factors: six rows of six.
#[inline(always)]
pub fn weights([a, b, c, d, e, f, g, h, i]: [I16x8; 9]) -> [[I16x8; 6]; 6] {
    let ([one, two, three], rows) = ([[a, d, g], [b, e, h], [c, f, i]].map(factors), [0, 1, 2, 3, 4, 5]);
    rows.map(|row| factors([one[row], two[row], three[row]]))
}

/// Three weights, transformed in one direction.
#[inline(always)]
fn factors([a, b, c]: [I16x8; 3]) -> [I16x8; 6] {
    let (two_b, a_c, a_four_c) = (b.shifted::<1>(), a.plus(c), a.plus(c.shifted::<2>()));
    let negative = |x: I16x8| I16x8::splat(0).minus(x);
    [
        a.shifted::<2>().plus(a.shifted::<1>()),
        negative(a_c.plus(b)),
        b.minus(a_c),
        a_four_c.plus(two_b),
        a_four_c.minus(two_b),
        c.plus(c.shifted::<1>()),
    ]
}

/// Six neighbouring inputs, transformed in one direction.
#[inline(always)]
pub fn inputs([a, b, c, d, e, f]: [I16x8; 6]) -> [I16x8; 6] {
    let four = |x: I16x8| x.shifted::<2>();
    let two = |x: I16x8| x.shifted::<1>();
    let (e_four_c, d_four_b) = (e.minus(four(c)), d.minus(four(b)));
    let (e_c, d_b) = (e.minus(c), two(d.minus(b)));
    [
        four(a.minus(c)).plus(e_c),
        e_four_c.plus(d_four_b),
        e_four_c.minus(d_four_b),
        e_c.plus(d_b),
        e_c.minus(d_b),
        four(b.minus(d)).plus(f.minus(d)),
    ]
}

/// Six products, transformed in one direction to four outputs.
#[inline(always)]
pub fn outputs([a, b, c, d, e, f]: [I32x4; 6]) -> [I32x4; TILE] {
    let (p, q, r, s) = (b.plus(c), b.minus(c), d.plus(e), d.minus(e));
    [
        a.plus(r).plus(p.shifted::<2>()),
        q.shifted::<2>().plus(s.shifted::<1>()),
        p.plus(r).shifted::<2>(),
        q.shifted::<2>().plus(s.plus(f).shifted::<3>()),
    ]
}

/// The sum of which this is 576 times.
#[inline(always)]
pub fn sum(product: I32x4) -> I32x4 {
    product.times(I32x4::splat(NINTH)).shifted_down(6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// Both directions.
    fn twice<T: Copy, U: Copy, const N: usize>(values: [[T; 6]; 6], transform: impl Fn([T; 6]) -> [U; N]) -> [[U; N]; 6] {
        values.map(transform)
    }

    #[test]
    fn a_tile_of_products_gives_the_sums_of_a_direct_convolution() {
        let mut random = Random::new(7);
        for extreme in [false, true].into_iter().cycle().take(200) {
            let number = |random: &mut Random| if extreme { [-255, 255][random.below(2)] } else { random.below(511) as i16 - 255 };
            let image: [[i16; 6]; 6] = core::array::from_fn(|_| core::array::from_fn(|_| number(&mut random)));
            let filter: [i16; 9] = core::array::from_fn(|_| random.below(256) as i16 - 128);
            let vectors = image.map(|row| row.map(I16x8::splat));
            let transposed = |rows: [[I16x8; 6]; 6]| -> [[I16x8; 6]; 6] { core::array::from_fn(|x| core::array::from_fn(|y| rows[y][x])) };
            let tile = twice(transposed(twice(vectors, inputs)), inputs);
            let factors = weights(filter.map(I16x8::splat));
            let one = |factors: I16x8| I16x8::from_bytes(&core::array::from_fn(|at| if at < 2 { factors.bytes()[at] } else { 0 }));
            // `tile` is by columns.
            let products: [[I32x4; 6]; 6] = core::array::from_fn(|y| {
                core::array::from_fn(|x| tile[x][y].dot(one(factors[y][x])))
            });
            let rows = twice(products, outputs);
            for y in 0..TILE {
                for x in 0..TILE {
                    let column = |x: usize| outputs(core::array::from_fn(|y| rows[y][x]))[y];
                    let found = sum(column(x)).lanes()[0];
                    let mut expected = 0;
                    for (tap, weight) in filter.iter().enumerate() {
                        expected += i32::from(*weight) * i32::from(image[y + tap / 3][x + tap % 3]);
                    }
                    assert_eq!(found, expected);
                }
            }
        }
    }
}
