//! A real Redis on a loopback port, which forgets everything at its end.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait until it answers: far more than it takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Redis. Ends when dropped.
pub(crate) struct RedisProcess {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl RedisProcess {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When `redis-server` (Debian: redis-server) is not installed or does not start.
    pub(crate) fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { child: spawn(port, &folder), port, folder }
    }

    /// `redis://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Asks it something with `redis-cli`; the answer's lines.
    #[allow(dead_code, reason = "not every test looks inside")]
    pub(crate) fn ask(&self, words: &[&str]) -> Vec<String> {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string(), "--raw"]).args(words).output();
        let output = output.expect("redis-cli is needed (Debian: redis-tools)");
        assert!(output.status.success(), "{words:?}");
        // Values that are no text are looked through for texts all the same.
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// From now on it takes connections and answers nothing, until [`Self::wake`].
    #[allow(dead_code, reason = "not every test needs a slow one")]
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It answers again.
    #[allow(dead_code, reason = "not every test needs a slow one")]
    pub(crate) fn wake(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Ends it; nobody answers at its address any more.
    #[allow(dead_code, reason = "not every test needs a dead one")]
    pub(crate) fn end(&mut self) {
        self.child.kill().expect("it ran");
        self.child.wait().expect("it ended");
    }

    /// Starts it again at the same address, empty.
    #[allow(dead_code, reason = "not every test needs a dead one")]
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.port, &self.folder);
    }
}

impl Drop for RedisProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &tempfile::TempDir) -> Child {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is needed (Debian: redis-server)");
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < PATIENCE, "redis-server does not answer");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}
