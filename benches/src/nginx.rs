//! nginx with sendfile over ready-made files: as cheap as this machine can serve bytes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::process::{Core, children_of, cpu_of};

/// Longest wait for it to listen.
const LIMIT: Duration = Duration::from_secs(10);

/// A running nginx of one worker.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    address: SocketAddr,
    worker: u32,
    /// Its configuration and what it writes.
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Serves what lies in `root`, with everything turned on that makes it cheap, and no log.
    ///
    /// # Errors
    /// nginx is missing or does not start.
    pub fn start(root: &Path, core: Option<Core>) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        // Free now; whoever takes it meanwhile makes nginx end, which is told.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let at = folder.path().display();
        // As root, the worker would become a user who may not read temporary folders.
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let configuration = format!(
            "{user} daemon off; worker_processes 1; pid {at}/pid; error_log {at}/errors warn;
            events {{ worker_connections 4096; }}
            http {{
                access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
                keepalive_requests 100000000; keepalive_timeout 300; default_type application/octet-stream;
                client_body_temp_path {at}/a; proxy_temp_path {at}/b; fastcgi_temp_path {at}/c; scgi_temp_path {at}/d; uwsgi_temp_path {at}/e;
                open_file_cache max=10000 inactive=5m; open_file_cache_valid 2m;
                server {{ listen {address} backlog=1024; root {}; }}
            }}\n",
            root.display()
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, configuration)?;
        let mut command = Core::command(core, Path::new(program()));
        let mut child = command.arg("-c").arg(&path).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let started = Instant::now();
        let worker = loop {
            if let Some(worker) = children_of(child.id())?.first().copied()
                && TcpStream::connect(address).is_ok()
            {
                break worker;
            }
            if child.try_wait()?.is_some() || started.elapsed() > LIMIT {
                let _ = child.kill();
                let told = std::fs::read_to_string(folder.path().join("errors")).unwrap_or_default();
                return Err(format!("nginx does not start: {told}").into());
            }
            thread::sleep(Duration::from_millis(10));
        };
        Ok(Self { child, address, worker, _folder: folder })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that does the work.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.worker
    }

    /// Processor time that it took so far.
    ///
    /// # Errors
    /// It ended.
    pub fn cpu(&self) -> Result<Duration, Error> {
        cpu_of(self.worker)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The worker first: it would outlive a master that is killed.
        for pid in [self.worker, self.child.id()] {
            let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
        let _ = self.child.wait();
    }
}

/// Where Debian puts it, for users whose path lacks that folder.
fn program() -> &'static str {
    let of_debian = "/usr/sbin/nginx";
    if Path::new(of_debian).exists() { of_debian } else { "nginx" }
}
