//! Starts a server by pgtemp for each line that it reads, with the programs of the directory that the line names, and answers with its URL. The former
//! server is gone by then.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let mut server = None;
    for line in std::io::stdin().lock().lines() {
        drop(server.take());
        let started = pgtemp::PgTempDBBuilder::new().with_bin_path(PathBuf::from(line?)).start();
        println!("{}", started.connection_uri());
        std::io::stdout().flush()?;
        server = Some(started);
    }
    Ok(())
}
