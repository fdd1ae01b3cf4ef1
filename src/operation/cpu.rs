//! Which instructions this processor has, found at run time.

/// The instructions a kernel may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpu {
    /// What every processor of the architecture has.
    Portable,
    /// x86-64 with AVX2.
    Avx2,
}

impl Cpu {
    /// The fastest that this processor has.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Portable
    }

    /// Everything this processor can run: what a kernel's tests go through.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        if Self::detect() == Self::Portable { vec![Self::Portable] } else { vec![Self::Portable, Self::detect()] }
    }
}
