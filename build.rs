//! Refuses to build with a slow JPEG codec: without nasm, mozjpeg silently becomes plain C, 2.3 to 3.5 times slower.

use std::process::{Command, Stdio};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Not PATH: another shell would compile everything again. A build that failed for want of nasm looks again anyway.
    let is_x86 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    let nasm = || Command::new("nasm").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if is_x86 && !nasm().is_ok_and(|status| status.success()) {
        println!(
            "cargo::error=nasm is missing: install it (on Debian: apt-get install nasm), or run ./ops/up, which does"
        );
    }
}
