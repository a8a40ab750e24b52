//! Which instruction set the kernels use.

/// An instruction set that this processor has. It can be had only from [`Isa::detect`] and [`Isa::available`],
/// so holding one proves that its kernels may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Scalar,
}

impl Isa {
    /// The fastest one.
    pub fn detect() -> Self {
        Self::available().first().copied().unwrap_or(Self(Kind::Scalar))
    }

    /// Every one that this processor has, fastest first; the last runs anywhere.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vnni")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c")
            {
                found.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c")
            {
                found.push(Self(Kind::Avx2));
            }
        }
        found.push(Self(Kind::Scalar));
        found
    }

    /// Its name, for logs.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Scalar => "scalar",
        }
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }
}

/// Defines a function that runs `$body` (an `unsafe fn` generic over [`super::lanes::Lanes`]) on the lanes of its
/// first argument, compiled for that instruction set.
macro_rules! on_lanes {
    ($(#[$meta:meta])* unsafe fn $name:ident $(<$g:ident: $bound:ident>)? ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:path) => {
        $(#[$meta])*
        #[expect(unsafe_code, reason = "calls a kernel compiled for an instruction set that the Isa proves")]
        #[inline]
        unsafe fn $name $(<$g: $bound>)? (isa: crate::kernels::Isa, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
            unsafe fn wide $(<$g: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the caller of the outer function keeps the contract of the body.
                unsafe { $body(crate::kernels::lanes::Wide, $($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn narrow $(<$g: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the caller of the outer function keeps the contract of the body.
                unsafe { $body(crate::kernels::lanes::Narrow, $($arg),*) }
            }
            // SAFETY: an Isa exists only for a processor that has it; the rest is the caller's contract.
            unsafe {
                match isa.kind() {
                    #[cfg(target_arch = "x86_64")]
                    crate::kernels::isa::Kind::Avx512 => wide($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    crate::kernels::isa::Kind::Avx2 => narrow($($arg),*),
                    crate::kernels::isa::Kind::Scalar => $body(crate::kernels::lanes::Plain, $($arg),*),
                }
            }
        }
    };
}
pub(super) use on_lanes;
