//! A browser under test, by plain WebDriver over HTTP: what `TESSERA_TEST_CHROMEDRIVER` names starts it.
//!
//! Owns the driver process and one session. Ends both when dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{required, wait_for};

/// How WebDriver names an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// The longest that a page is waited for.
const PAGE: Duration = Duration::from_secs(60);

/// An element that the page has put another in place of since it was found.
#[derive(Debug, thiserror::Error)]
#[error("the element is no longer in the page")]
struct Stale;

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    Allowed,
    Blocked,
}

/// A browser with one window.
pub struct Browser {
    driver: Child,
    agent: ureq::Agent,
    base: String,
    session: String,
    _profile: TempDir,
}

impl Browser {
    pub fn start(scripts: Scripts) -> Result<Self> {
        let program = required("TESSERA_TEST_CHROMEDRIVER")?;
        let mut driver = Command::new(&program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let port = read_port(&mut driver);
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).timeout_global(Some(PAGE));
        let profile = tempfile::Builder::new().prefix("tessera-browser-").tempdir()?;
        let mut browser = Self {
            driver,
            agent: config.build().into(),
            base: String::new(),
            session: String::new(),
            _profile: profile,
        };
        browser.base = format!("http://127.0.0.1:{}", port?);
        let wanted = capabilities(browser._profile.path(), scripts);
        let answer = browser.call("POST", "/session", &wanted)?;
        browser.session = answer["sessionId"].as_str().context("no session")?.to_owned();
        browser.check_scripts(scripts)?;
        Ok(browser)
    }

    /// Fails if the browser does not do about scripts what it was told.
    fn check_scripts(&self, scripts: Scripts) -> Result<()> {
        self.open("data:text/html,<p>off</p><script>document.querySelector('p').textContent = 'on'</script>")?;
        let expected = if scripts == Scripts::Blocked { "off" } else { "on" };
        ensure!(self.text("p")? == expected, "the browser does not have scripts {scripts:?}");
        Ok(())
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let answer = match method {
            "GET" => self.agent.get(url).call(),
            "DELETE" => self.agent.delete(url).call(),
            _ => self.agent.post(url).header("content-type", "application/json").send(body.to_string()),
        };
        let mut answer = answer.with_context(|| format!("{method} {path}"))?;
        let value: Value = serde_json::from_str(&answer.body_mut().with_config().limit(64 << 20).read_to_string()?)?;
        if value["value"]["error"] == "stale element reference" {
            return Err(anyhow::Error::new(Stale));
        }
        ensure!(answer.status().is_success(), "{method} {path}: {}", value["value"]["message"]);
        Ok(value["value"].clone())
    }

    fn get(&self, path: &str) -> Result<Value> {
        self.call("GET", &format!("/session/{}{path}", self.session), &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call("POST", &format!("/session/{}{path}", self.session), body)
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&self, url: &str) -> Result<()> {
        self.post("/url", &json!({ "url": url })).map(drop)
    }

    pub fn url(&self) -> Result<String> {
        Ok(self.get("/url")?.as_str().context("no address")?.to_owned())
    }

    /// The elements that a CSS selector finds now.
    pub fn all(&self, selector: &str) -> Result<Vec<String>> {
        let found = self.post("/elements", &json!({ "using": "css selector", "value": selector }))?;
        let found = found.as_array().context("no list of elements")?;
        found.iter().map(|element| Ok(element[ELEMENT].as_str().context("no element")?.to_owned())).collect()
    }

    /// The one element of a selector; waits until it is there.
    pub fn find(&self, selector: &str) -> Result<String> {
        wait_for(selector, PAGE, || Ok(self.all(selector)?.into_iter().next()))
    }

    /// Whether an element is still in the page.
    pub fn has(&self, element: &str) -> bool {
        self.get(&format!("/element/{element}/name")).is_ok()
    }

    /// Does something with the one element of a selector: again with the new one if the page puts another in its
    /// place meanwhile.
    fn with<T>(&self, selector: &str, mut act: impl FnMut(&str) -> Result<T>) -> Result<T> {
        wait_for(selector, PAGE, || match act(&self.find(selector)?) {
            Err(error) if error.is::<Stale>() => Ok(None),
            outcome => outcome.map(Some),
        })
    }

    pub fn click(&self, selector: &str) -> Result<()> {
        self.with(selector, |element| self.post(&format!("/element/{element}/click"), &json!({})).map(drop))
    }

    /// Types text, or names the file of a file field.
    pub fn write(&self, selector: &str, text: &str) -> Result<()> {
        let text = json!({ "text": text });
        self.with(selector, |element| self.post(&format!("/element/{element}/value"), &text).map(drop))
    }

    /// The text that is shown in an element.
    pub fn text(&self, selector: &str) -> Result<String> {
        let text = self.with(selector, |element| self.get(&format!("/element/{element}/text")))?;
        Ok(text.as_str().context("no text")?.to_owned())
    }

    /// Waits until the page's text contains `words`. Pages that refresh themselves may change in between.
    pub fn wait_for_text(&self, words: &str) -> Result<()> {
        wait_for(&format!("the page to say {words:?}"), PAGE, || {
            Ok(self.text("body").ok().filter(|text| text.contains(words)).map(drop))
        })
        .with_context(|| format!("{:?} shows: {:?}", self.url(), self.text("body")))
    }

    /// Presses keys, as they are written for WebDriver, where the focus is.
    pub fn press(&self, keys: &str) -> Result<()> {
        let key = |key: char| {
            [
                json!({ "type": "keyDown", "value": key.to_string() }),
                json!({ "type": "keyUp", "value": key.to_string() }),
            ]
        };
        let actions: Vec<Value> = keys.chars().flat_map(key).collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.post("/actions", &actions).map(drop)
    }

    /// Writes what is seen to the folder that TESSERA_TEST_SCREENSHOTS names, if it names one.
    pub fn shoot(&self, name: &str) -> Result<()> {
        let Ok(folder) = std::env::var("TESSERA_TEST_SCREENSHOTS") else { return Ok(()) };
        let picture = self.get("/screenshot")?;
        let picture = base64::engine::general_purpose::STANDARD.decode(picture.as_str().context("no picture")?)?;
        Ok(std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture)?)
    }

    /// Runs a script in the page and gives what it returns.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// A property of an element, as the browser has it.
    pub fn property(&self, selector: &str, name: &str) -> Result<Value> {
        self.with(selector, |element| self.get(&format!("/element/{element}/property/{name}")))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the browser was at {:?}, showing: {:?}", self.url(), self.text("body"));
        }
        if !self.session.is_empty() {
            let _ = self.call("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = (self.driver.kill(), self.driver.wait());
    }
}

/// Reads the driver's output up to the line that names its port; the rest is read and dropped.
fn read_port(driver: &mut Child) -> Result<u16> {
    let mut output = BufReader::new(driver.stdout.take().context("no output")?);
    let mut line = String::new();
    while output.read_line(&mut line)? > 0 {
        let port = line.split("on port ").nth(1).and_then(|rest| rest.trim().trim_end_matches('.').parse().ok());
        if let Some(port) = port.filter(|port| *port != 0) {
            std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
            return Ok(port);
        }
        line.clear();
    }
    bail!("the driver named no port")
}

fn capabilities(profile: &Path, scripts: Scripts) -> Value {
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-proxy-server",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1200,900",
    ];
    let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    let setting = if scripts == Scripts::Blocked { 2 } else { 1 };
    let preferences = json!({ "profile.managed_default_content_settings.javascript": setting });
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments, "prefs": preferences },
        "timeouts": { "pageLoad": 60_000 },
    } } })
}
