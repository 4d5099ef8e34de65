//! A network between keyward and the server, that can be cut.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::fixture::World;

/// Passes connections to a port of its own on to the server's socket.
pub(crate) struct Proxy {
    url: String,
    open: Arc<Mutex<Vec<(TcpStream, UnixStream)>>>,
}

impl Proxy {
    pub(crate) fn of(world: &World) -> Self {
        let socket = world.sandbox.socket_dir().join(format!(".s.PGSQL.{}", world.sandbox.port()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://app_owner@{}/{}?sslmode=disable", listener.local_addr().unwrap(), world.database);
        let open = Arc::default();
        let kept = Arc::clone(&open);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // where there is no server, the connection ends at once
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                pass(from, to);
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                pass(from, to);
                let open: &Mutex<Vec<_>> = &kept;
                open.lock().unwrap().push((client, server));
            }
        });
        Self { url, open }
    }

    /// Where keyward finds the server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Cuts every connection, and tells whether there was one.
    pub(crate) fn cut(&self) -> bool {
        let mut any = false;
        for (client, server) in self.open.lock().unwrap().drain(..) {
            // an end that is gone already can't be shut
            any |= client.shutdown(Shutdown::Both).is_ok();
            let _ = server.shutdown(Shutdown::Both);
        }
        any
    }
}

/// One direction, until either end is closed; then the other is, too.
fn pass(mut from: impl std::io::Read + Close + Send + 'static, mut to: impl std::io::Write + Close + Send + 'static) {
    thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        from.close();
        to.close();
    });
}

trait Close {
    fn close(&self);
}

impl Close for TcpStream {
    fn close(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Close for UnixStream {
    fn close(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}
