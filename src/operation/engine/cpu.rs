//! Which instructions this processor has, found at run time.

/// Arithmetic that is compiled once for each [`Cpu`]: loops that become vector instructions of that width.
pub(crate) trait Work {
    /// What it gives.
    type Result;

    /// Does it. This and all that it calls in its loops have to be `inline(always)`: what is not inlined is
    /// compiled for every processor only.
    fn run(self) -> Self::Result;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<W: Work>(work: W) -> W::Result {
    work.run()
}

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

    /// Runs work with these instructions, as far as this processor has them.
    pub(crate) fn run<W: Work>(self, work: W) -> W::Result {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 if Self::detect() == Self::Avx2 => {
                // SAFETY: this processor has AVX2, as just asked.
                unsafe { avx2(work) }
            }
            _ => work.run(),
        }
    }

    /// Everything this processor can run: what a kernel's tests go through.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        if Self::detect() == Self::Portable { vec![Self::Portable] } else { vec![Self::Portable, Self::detect()] }
    }
}
