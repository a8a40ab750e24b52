//! One vector of f32 per instruction set, behind one trait, so that a kernel is written once.
#![expect(
    unsafe_code,
    reason = "vector intrinsics and raw loads; every kernel built on them asserts its shapes"
)]

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use half::f16;

/// A width of f32 vectors.
///
/// # Safety
/// Every method may be called only from code compiled for the instruction set ([`super::isa::on_lanes`]), and a
/// pointer must be valid for `N` values.
pub(crate) trait Lanes: Copy {
    /// The vector.
    type V: Copy;
    /// Values in a vector.
    const N: usize;
    /// Rows that a matrix kernel with two vectors a row keeps in registers.
    const ROWS: usize;

    unsafe fn splat(self, x: f32) -> Self::V;
    unsafe fn load(self, p: *const f32) -> Self::V;
    unsafe fn load_half(self, p: *const f16) -> Self::V;
    unsafe fn store(self, p: *mut f32, v: Self::V);
    unsafe fn add(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`
    unsafe fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn max(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn min(self, a: Self::V, b: Self::V) -> Self::V;
    unsafe fn abs(self, a: Self::V) -> Self::V;
    /// `|a|` with the sign of `s`
    unsafe fn with_sign(self, a: Self::V, s: Self::V) -> Self::V;
    unsafe fn round(self, a: Self::V) -> Self::V;
    /// `a * 2^n` for whole `n` in -126..=127
    unsafe fn scale(self, a: Self::V, n: Self::V) -> Self::V;
    unsafe fn sum(self, a: Self::V) -> f32;
    unsafe fn largest(self, a: Self::V) -> f32;

    /// `e^x`, within 2e-7 relative; inputs below -87 give about 1e-38.
    #[inline(always)]
    unsafe fn exp(self, x: Self::V) -> Self::V {
        // SAFETY: the caller's contract is ours.
        unsafe {
            let x = self.min(self.max(x, self.splat(-87.0)), self.splat(88.0));
            let n = self.round(self.mul(x, self.splat(std::f32::consts::LOG2_E)));
            let r = self.fma(n, self.splat(-0.693_359_4), x);
            let r = self.fma(n, self.splat(2.121_944_4e-4), r);
            let p = self.splat(1.987_569_1e-4);
            let p = self.fma(p, r, self.splat(1.398_199_9e-3));
            let p = self.fma(p, r, self.splat(8.333_452e-3));
            let p = self.fma(p, r, self.splat(4.166_579_6e-2));
            let p = self.fma(p, r, self.splat(1.666_666_5e-1));
            let p = self.fma(p, r, self.splat(5.000_000_3e-1));
            let y = self.add(self.fma(self.mul(r, r), p, r), self.splat(1.0));
            self.scale(y, n)
        }
    }

    /// The error-function GELU, within 2e-7 (Abramowitz and Stegun 7.1.26).
    #[inline(always)]
    unsafe fn gelu(self, x: Self::V) -> Self::V {
        // SAFETY: the caller's contract is ours.
        unsafe {
            let one = self.splat(1.0);
            let z = self.mul(self.abs(x), self.splat(std::f32::consts::FRAC_1_SQRT_2));
            let t = self.div(one, self.fma(z, self.splat(0.327_591_1), one));
            let p = self.splat(1.061_405_4);
            let p = self.fma(p, t, self.splat(-1.453_152_1));
            let p = self.fma(p, t, self.splat(1.421_413_8));
            let p = self.fma(p, t, self.splat(-0.284_496_74));
            let p = self.mul(self.fma(p, t, self.splat(0.254_829_6)), t);
            let square = self.mul(self.mul(z, z), self.splat(-1.0));
            let erf = self.with_sign(self.sub(one, self.mul(p, self.exp(square))), x);
            self.mul(self.mul(x, self.splat(0.5)), self.add(one, erf))
        }
    }
}

/// A number type that attention can read its keys and values as.
pub(crate) trait Element: Copy + Default + Send + Sync + 'static {
    /// Converts and copies a row; both have the same length.
    fn convert(from: &[f32], to: &mut [Self]);
    /// # Safety
    /// As [`Lanes::load`].
    unsafe fn load<L: Lanes>(lanes: L, p: *const Self) -> L::V;
}

impl Element for f32 {
    fn convert(from: &[f32], to: &mut [Self]) {
        to.copy_from_slice(from);
    }
    #[inline(always)]
    unsafe fn load<L: Lanes>(lanes: L, p: *const Self) -> L::V {
        // SAFETY: the caller's contract is ours.
        unsafe { lanes.load(p) }
    }
}

impl Element for f16 {
    fn convert(from: &[f32], to: &mut [Self]) {
        half::slice::HalfFloatSliceExt::convert_from_f32_slice(to, from);
    }
    #[inline(always)]
    unsafe fn load<L: Lanes>(lanes: L, p: *const Self) -> L::V {
        // SAFETY: the caller's contract is ours.
        unsafe { lanes.load_half(p) }
    }
}

/// Sixteen lanes of AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Wide;

/// Eight lanes of AVX2.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Narrow;

/// Four lanes of plain arithmetic, which every processor's compiler turns into what it has.
#[derive(Clone, Copy)]
pub(super) struct Plain;

/// Defines methods whose body is one unsafe expression.
macro_rules! methods {
    ($(fn $name:ident($self:ident $(, $arg:ident: $ty:ty)*) $(-> $ret:ty)? = $body:expr;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($self $(, $arg: $ty)*) $(-> $ret)? {
                // SAFETY: the caller runs on this instruction set and passes valid pointers.
                unsafe { $body }
            }
        )*
    };
}

/// Defines methods whose body needs nothing of the caller.
macro_rules! plain_methods {
    ($(fn $name:ident($self:ident $(, $arg:ident: $ty:ty)*) $(-> $ret:ty)? = $body:expr;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name($self $(, $arg: $ty)*) $(-> $ret)? {
                $body
            }
        )*
    };
}

#[cfg(target_arch = "x86_64")]
impl Lanes for Wide {
    type V = __m512;
    const N: usize = 16;
    const ROWS: usize = 12;
    methods! {
        fn splat(self, x: f32) -> __m512 = _mm512_set1_ps(x);
        fn load(self, p: *const f32) -> __m512 = _mm512_loadu_ps(p);
        fn load_half(self, p: *const f16) -> __m512 = _mm512_cvtph_ps(_mm256_loadu_si256(p.cast()));
        fn store(self, p: *mut f32, v: __m512) = _mm512_storeu_ps(p, v);
        fn add(self, a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        fn sub(self, a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        fn mul(self, a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        fn div(self, a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        fn max(self, a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        fn min(self, a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        fn abs(self, a: __m512) -> __m512 = _mm512_abs_ps(a);
        fn with_sign(self, a: __m512, s: __m512) -> __m512
            = _mm512_or_ps(_mm512_abs_ps(a), _mm512_and_ps(s, _mm512_set1_ps(-0.0)));
        fn round(self, a: __m512) -> __m512 = _mm512_roundscale_ps::<8>(a);
        fn scale(self, a: __m512, n: __m512) -> __m512 = _mm512_scalef_ps(a, n);
        fn sum(self, a: __m512) -> f32 = _mm512_reduce_add_ps(a);
        fn largest(self, a: __m512) -> f32 = _mm512_reduce_max_ps(a);
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for Narrow {
    type V = __m256;
    const N: usize = 8;
    const ROWS: usize = 6;
    methods! {
        fn splat(self, x: f32) -> __m256 = _mm256_set1_ps(x);
        fn load(self, p: *const f32) -> __m256 = _mm256_loadu_ps(p);
        fn load_half(self, p: *const f16) -> __m256 = _mm256_cvtph_ps(_mm_loadu_si128(p.cast()));
        fn store(self, p: *mut f32, v: __m256) = _mm256_storeu_ps(p, v);
        fn add(self, a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        fn sub(self, a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        fn mul(self, a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        fn div(self, a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        fn max(self, a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        fn min(self, a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        fn abs(self, a: __m256) -> __m256 = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
        fn with_sign(self, a: __m256, s: __m256) -> __m256
            = _mm256_or_ps(self.abs(a), _mm256_and_ps(s, _mm256_set1_ps(-0.0)));
        fn round(self, a: __m256) -> __m256 = _mm256_round_ps::<8>(a);
        fn scale(self, a: __m256, n: __m256) -> __m256 = _mm256_castsi256_ps(_mm256_add_epi32(
            _mm256_castps_si256(a), _mm256_slli_epi32::<23>(_mm256_cvtps_epi32(n))));
    }
    plain_methods! {
        fn sum(self, a: __m256) -> f32 = values(a).iter().sum();
        fn largest(self, a: __m256) -> f32 = values(a).iter().copied().fold(f32::MIN, f32::max);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn values(v: __m256) -> [f32; 8] {
    // SAFETY: both are 32 bytes of plain numbers.
    unsafe { core::mem::transmute(v) }
}

impl Lanes for Plain {
    type V = [f32; 4];
    const N: usize = 4;
    const ROWS: usize = 4;
    methods! {
        fn load(self, p: *const f32) -> [f32; 4] = p.cast::<[f32; 4]>().read_unaligned();
        fn load_half(self, p: *const f16) -> [f32; 4]
            = p.cast::<[f16; 4]>().read_unaligned().map(|x| x.to_f32_const());
        fn store(self, p: *mut f32, v: [f32; 4]) = p.cast::<[f32; 4]>().write_unaligned(v);
        fn fma(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] = self.add(self.mul(a, b), c);
    }
    plain_methods! {
        fn splat(self, x: f32) -> [f32; 4] = [x; 4];
        fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] = each(a, b, |a, b| a + b);
        fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] = each(a, b, |a, b| a - b);
        fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] = each(a, b, |a, b| a * b);
        fn div(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] = each(a, b, |a, b| a / b);
        fn max(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] = each(a, b, |a, b| if a > b { a } else { b });
        fn min(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] = each(a, b, |a, b| if a < b { a } else { b });
        fn abs(self, a: [f32; 4]) -> [f32; 4] = a.map(f32::abs);
        fn with_sign(self, a: [f32; 4], s: [f32; 4]) -> [f32; 4] = each(a, s, f32::copysign);
        // Adding and taking away 1.5 * 2^23 rounds without a call to the mathematics library.
        fn round(self, a: [f32; 4]) -> [f32; 4] = a.map(|x| (x + 12_582_912.0) - 12_582_912.0);
        fn scale(self, a: [f32; 4], n: [f32; 4]) -> [f32; 4]
            = each(a, n, |a, n| f32::from_bits((a.to_bits() as i32).wrapping_add((n as i32) << 23) as u32));
        fn sum(self, a: [f32; 4]) -> f32 = a.iter().sum();
        fn largest(self, a: [f32; 4]) -> f32 = a.iter().copied().fold(f32::MIN, f32::max);
    }
}

#[inline(always)]
fn each(a: [f32; 4], b: [f32; 4], f: impl Fn(f32, f32) -> f32) -> [f32; 4] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}
