use actix_web::FromRequest;
use actix_web::test::TestRequest;
use tessera::config::{StoreArgs, Sync};

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and more";

fn store(folder: &tempfile::TempDir) -> Store {
    let store = format!("file://{}", folder.path().join("store").display());
    Store::open(&StoreArgs { store, scratch_dir: folder.path().join("scratch"), sync: Sync::None }).unwrap()
}

fn part(name: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("--XX\r\nContent-Disposition: form-data; {name}\r\n\r\n");
    [head.as_bytes(), body, b"\r\n"].concat()
}

async fn take(store: &Store, body: Vec<u8>, max_upload_bytes: u64) -> Result<Received, Problem> {
    let (request, mut payload) = TestRequest::post().set_payload(body).to_http_parts();
    let mut body = Payload::from_request(&request, &mut payload).await.unwrap();
    let pace = UploadPace::new(Duration::from_secs(5), 1, max_upload_bytes);
    let terms = Terms { max_upload_bytes, pace, sender: None, ignore_fields: false };
    receive(store, "multipart/form-data; boundary=XX", &mut body, terms).await
}

#[actix_web::test]
async fn fields_come_in_any_order_and_the_picture_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let picture = part("name=\"image\"; filename=\"../a.png\"", PNG);
    let op = part("name=\"op\"", b"grayscale");
    for parts in [[picture.clone(), op.clone()], [op, picture]] {
        let body = [parts.concat(), b"--XX--\r\n".to_vec()].concat();
        let received = take(&store, body, 1000).await.unwrap();
        assert_eq!((received.bytes, received.filename.as_str()), (PNG.len() as u64, "../a.png"));
        assert_eq!(received.digest.unwrap(), Digest::of(PNG));
        assert_eq!(received.form.finish(1).unwrap().chain.steps().len(), 1);
        let stored = store.get(&Object::Original(received.job)).await.unwrap().unwrap();
        assert_eq!(stored, PNG);
    }
}

#[actix_web::test]
async fn a_refused_upload_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let picture = |body: &[u8]| part("name=\"image\"; filename=\"a\"", body);
    let end = b"--XX--".to_vec();
    let cases: Vec<(Vec<u8>, u16)> = vec![
        ([picture(PNG), picture(PNG), end.clone()].concat(), 400),
        ([picture(PNG), part("name=\"op\"", b"blurr"), end.clone()].concat(), 400),
        ([picture(PNG), part("name=\"op\"", b"\xff"), end.clone()].concat(), 400),
        ([picture(&[PNG, &[0; 2000]].concat()), end.clone()].concat(), 413),
        ([picture(b"\0\0\0\x1cftypavif and some more, of some length"), end.clone()].concat(), 415),
        ([picture(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), end.clone()].concat(), 415),
        ([picture(b""), end.clone()].concat(), 415),
        ([part("name=\"image\"; filename=\"\"", b""), end.clone()].concat(), 400),
        (picture(PNG), 400),
        (picture(PNG)[..60].to_vec(), 400),
        (end, 400),
    ];
    for (body, status) in cases {
        let text = String::from_utf8_lossy(&body).into_owned();
        let problem = take(&store, body, 1000).await.unwrap_err();
        assert_eq!(actix_web::ResponseError::status_code(&problem), status, "{text}: {problem}");
        assert_eq!(store.jobs().await.unwrap(), [], "{text}");
    }
}

#[actix_web::test]
async fn a_picture_in_another_field_is_told_where_it_belongs() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    for bytes in [PNG.to_vec(), [PNG, &[0; 100_000]].concat()] {
        let body = [part("name=\"file\"; filename=\"a.png\"", &bytes), b"--XX--".to_vec()].concat();
        let problem = take(&store, body, 1_000_000).await.unwrap_err();
        let text = problem.to_string();
        assert!(matches!(problem, Problem::BadRequest(_)) && text.contains("send it as the field image"), "{text}");
    }
}
