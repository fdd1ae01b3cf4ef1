use proptest::prelude::*;

use super::*;

fn refusal(text: &str) -> String {
    text.parse::<Step>().unwrap_err().to_string()
}

#[test]
fn the_canonical_text_has_every_parameter() {
    let canonical = |text: &str| text.parse::<Step>().unwrap().to_string();
    assert_eq!(canonical("grayscale"), "grayscale");
    assert_eq!(canonical("gaussian_blur"), "gaussian_blur:ksize=5,sigma=0,alpha=weighted");
    let given = canonical("gaussian_blur:sigma=01.50,alpha=separate,ksize=051");
    assert_eq!(given, "gaussian_blur:ksize=51,sigma=1.5,alpha=separate");
    assert_eq!("gaussian_blur:ksize=51".parse::<Step>().unwrap().halo(), 25);
}

#[test]
fn refusals_say_what_was_wrong_and_what_is_right() {
    assert_eq!(refusal("blurr"), "unknown operation \"blurr\"");
    assert_eq!(refusal(""), "unknown operation \"\"");
    assert_eq!(refusal("Grayscale"), "unknown operation \"Grayscale\"");
    assert_eq!(refusal("gaussian_blur:size=3"), "gaussian_blur: unknown parameter \"size\"");
    assert_eq!(refusal("gaussian_blur:ksize"), "gaussian_blur: unknown parameter \"ksize\"");
    assert_eq!(refusal("gaussian_blur:"), "gaussian_blur: unknown parameter \"\"");
    assert_eq!(refusal("grayscale:"), "grayscale: unknown parameter \"\"");
    assert_eq!(refusal("gaussian_blur:ksize=3,ksize=3"), "gaussian_blur: ksize is given twice");
    let odd = "gaussian_blur: ksize must be an odd integer from 1 to 255, got";
    for bad in ["4", "0", "-3", "257", "x", "", "1e3", "3.0", " 3"] {
        assert_eq!(refusal(&format!("gaussian_blur:ksize={bad}")), format!("{odd} \"{bad}\""));
    }
    let decimal = "gaussian_blur: sigma must be a decimal from 0 to 100, got";
    for bad in ["-1", "100.1", "NaN", "1e308", "inf", ".5"] {
        assert_eq!(refusal(&format!("gaussian_blur:sigma={bad}")), format!("{decimal} \"{bad}\""));
    }
    assert!(refusal(&"x".repeat(1 << 20)).len() < 100);
    let all = "gaussian_blur: ksize must be an odd integer from 1 to 255, got \"4\"; \
               gaussian_blur: unknown parameter \"size\"; gaussian_blur: alpha must be one of weighted, separate, got \"x\"";
    assert_eq!(refusal("gaussian_blur:ksize=4,size=3,alpha=x"), all);
    assert!(refusal(&format!("gaussian_blur:{}", "x,".repeat(100_000))).len() < 2000);
}

#[test]
fn numbers_travel_in_records_and_not_in_a_sender_s_text() {
    let step: Step = "contrast:factor=2".parse().unwrap();
    let measured = step.with_numbers(&[100]).unwrap();
    assert!(step.statistic().is_some() && measured.statistic().is_none());
    assert_eq!(measured.to_string(), "contrast:factor=2@100");
    let json = serde_json::to_string(&measured).unwrap();
    assert_eq!(serde_json::from_str::<Step>(&json).unwrap(), measured);
    assert_ne!(measured, step);
    for text in ["contrast:factor=2@100", "contrast@100", "otsu@7"] {
        assert!(text.parse::<Step>().is_err(), "{text}");
    }
    let read = |text: &str| serde_json::from_str::<Step>(&format!("\"{text}\""));
    let endless = format!("contrast@{}", "1/".repeat(300_000));
    for text in ["contrast@", "contrast@x", "contrast@1/2", "contrast@-1", "contrast@65536", "invert@1", &endless] {
        assert!(read(text).is_err(), "{}", &text[..text.len().min(40)]);
    }
    assert!(step.with_numbers(&[]).is_err() && measured.with_numbers(&[1]).is_err());
}

proptest! {
    #[test]
    fn any_text_is_a_step_that_reads_back_or_a_refusal(text in "[a-z_]{0,13}:?[a-z0-9=,.:-]{0,20}") {
        if let Ok(step) = text.parse::<Step>() {
            prop_assert_eq!(step.to_string().parse::<Step>().unwrap(), step);
        }
    }

    #[test]
    fn blurs_read_back(ksize in 0u32..128, sigma in 0u32..=100_000_000) {
        let text = format!("gaussian_blur:ksize={},sigma={},alpha=separate", 2 * ksize + 1, f64::from(sigma) / 1e6);
        let step: Step = text.parse().unwrap();
        prop_assert_eq!(step.to_string(), text);
        prop_assert_eq!(serde_json::from_str::<Step>(&serde_json::to_string(&step).unwrap()).unwrap(), step);
    }
}
