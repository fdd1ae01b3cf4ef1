use super::*;

fn form(fields: &[(&str, &str)]) -> Result<JobRequest, Problem> {
    let mut form = JobForm::default();
    fields.iter().try_for_each(|(name, value)| form.take(name, value))?;
    form.finish(4)
}

fn steps(request: &JobRequest) -> Vec<String> {
    request.chain.steps().iter().map(|step| step.name().to_owned()).collect()
}

#[test]
fn steps_come_from_fields_rows_and_the_free_text_in_order() {
    let request = form(&[("op", "grayscale"), ("op", "gaussian_blur:ksize=51"), ("priority", "high")]).unwrap();
    assert_eq!(steps(&request), ["grayscale", "gaussian_blur"]);
    assert_eq!(request.priority, Priority::High);
    let rows = [
        ("row_operation", "gaussian_blur"),
        ("row_parameters", " ksize = 5, sigma=2 "),
        ("row_operation", ""),
        ("row_parameters", ""),
        ("row_operation", "invert"),
        ("row_parameters", ""),
        ("chain", "grayscale |\r\n invert"),
        ("format", "same"),
    ];
    assert_eq!(steps(&form(&rows).unwrap()), ["gaussian_blur", "invert", "grayscale", "invert"]);
}

#[test]
fn what_is_wrong_is_named() {
    let texts = [
        (vec![("op", "grayscale"), ("ops", "invert")], "unknown field \"ops\""),
        (vec![("op", "grayscale"), ("format", "gif")], "format must be one of"),
        (vec![("op", "grayscale"), ("quality", "0")], "quality must be an integer from 1 to 100"),
        (vec![("op", "grayscale"), ("chroma", "422")], "chroma must be one of 420, 444, got \"422\""),
        (vec![("op", "grayscale"), ("metadata", "some")], "metadata must be one of drop, keep, got \"some\""),
        (vec![("format", "png"), ("quality", "80")], "quality is a setting of JPEG and the result is PNG"),
        (vec![("quality", "80"), ("format", "webp")], "quality is a setting of JPEG and the result is WebP"),
        (vec![("chroma", "444"), ("format", "tiff")], "chroma is a setting of JPEG and the result is TIFF"),
        (vec![("op", "grayscale"), ("priority", "urgent")], "priority must be one of low, normal, high"),
        (vec![("op", "grayscale"), ("grain", "fine")], "grain must be one of auto, tiles, whole, got \"fine\""),
        (vec![("row_operation", ""), ("row_parameters", "ksize=3")], "belong to no operation"),
        (vec![], "no operation was chosen"),
    ];
    for (fields, text) in texts {
        let problem = form(&fields).unwrap_err();
        assert!(matches!(&problem, Problem::BadRequest(found) if found.contains(text)), "{problem}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let fields = [
        ("op", "blurr"),
        ("op", "gaussian_blur:ksize=4,size=3"),
        ("quality", "0"),
        ("chain", "invert sharpn"),
        ("sides", "2"),
    ];
    let problem = form(&fields).unwrap_err().to_string();
    for text in ["\"blurr\"", "ksize must be", "\"size\"", "quality must be", "\"sharpn\"", "unknown field \"sides\""] {
        assert!(problem.contains(text), "{text}: {problem}");
    }
    assert_eq!(form(&vec![("op", "blurr"); 500]).unwrap_err().to_string().matches("blurr").count(), MAX_PROBLEMS);
}

#[test]
fn a_long_chain_and_a_long_text_are_refused() {
    let many = vec![("op", "grayscale"); 5];
    let problem = form(&many).unwrap_err();
    assert!(matches!(&problem, Problem::Unprocessable(text) if text.contains("max_operations is 4")), "{problem}");
    let text = "x".repeat(MAX_TEXT_BYTES);
    assert!(matches!(form(&[("format", &text)]), Err(Problem::BadRequest(_))));
}
