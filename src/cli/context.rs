//! What every command shares: the global options, the way to the server, and the two ways out (data, everything else).

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use crate::db::Db;
use crate::db::settings::Settings;
use crate::error::{Error, Kind, Result};
use crate::manifest::Manifest;
use crate::report::Paint;

use super::args::{Color, Global, Output};

/// The manifest's file, unless told.
const MANIFEST: &str = "keyward.toml";

/// What data looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// What every command shares.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
    /// Whether there is somebody to ask.
    terminal: bool,
    paint_stdout: Paint,
    paint_stderr: Paint,
}

impl Context {
    /// Makes it from the global options, the environment and what the standard streams are.
    pub(super) fn new(global: Global) -> Self {
        let paint = |terminal: bool| {
            Paint::new(match global.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && env("NO_COLOR").is_none() && env("TERM").is_none_or(|term| term != "dumb"),
            })
        };
        let (stdout, stderr) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self { paint_stdout: paint(stdout), paint_stderr: paint(stderr), terminal: io::stdin().is_terminal() && stderr, global }
    }

    /// Connects to the server that `--database-url`, `DATABASE_URL` or the PG* variables name.
    ///
    /// # Errors
    /// As [`Settings::resolve`] and [`Db::connect`].
    pub(crate) async fn connect(&self) -> Result<Db> {
        Db::connect(&Settings::resolve(self.global.database_url.as_deref(), &env)?).await
    }

    /// Reads the manifest that `--manifest` names, or else keyward.toml.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it isn't there, can't be read, or is wrong.
    pub(crate) fn manifest(&self) -> Result<Manifest> {
        let path = self.global.manifest.clone().unwrap_or_else(|| PathBuf::from(MANIFEST));
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let hint = match (missing, &self.global.manifest) {
                (true, Some(_)) => "check the path; the README has a commented example, keyward.example.toml",
                (true, None) => "let keyward init draft one, name it with --manifest FILE, or start from keyward.example.toml (see the README)",
                (false, _) => "the manifest is a text file in UTF-8 that you may read",
            };
            Error::usage(format!("can't read the manifest {}", path.display())).with_source(error).with_hint(hint)
        })?;
        Manifest::parse(&text, &path.display().to_string())
    }

    /// Returns the path of the manifest, as it was given.
    pub(super) fn manifest_path(&self) -> String {
        self.global.manifest.as_ref().map_or_else(|| MANIFEST.to_owned(), |path| path.display().to_string())
    }

    /// Tells whether there is a manifest to read: one was named, or keyward.toml is there.
    pub(super) fn has_manifest(&self) -> bool {
        self.global.manifest.is_some() || Path::new(MANIFEST).exists()
    }

    /// Returns what data is to look like.
    pub(crate) fn format(&self) -> Format {
        match self.global.output {
            Output::Json => Format::Json,
            // A command that doesn't know the others was refused before it ran.
            Output::Text | Output::Sql | Output::Csv | Output::Prometheus | Output::Sarif | Output::Junit | Output::Github => {
                Format::Text
            }
        }
    }

    /// Returns the value of `--output` itself.
    pub(super) fn output(&self) -> Output {
        self.global.output
    }

    /// Asks a question on the terminal; no answer is a no. With `--yes` it doesn't ask.
    ///
    /// # Errors
    /// [`Kind::Usage`] where there is no terminal and no `--yes`; [`Kind::Interrupted`] on Ctrl-C.
    pub(crate) fn confirm(&self, question: &str) -> Result<bool> {
        if self.global.yes {
            return Ok(true);
        }
        if !self.terminal {
            return Err(Error::usage("this needs a confirmation, and there is no terminal to ask on")
                .with_hint("review what it would do, then give --yes"));
        }
        write_stderr(&format!("{} [y/N] ", self.paint_stderr.bold(question)));
        let (answers, answer) = mpsc::channel();
        let interrupts = answers.clone();
        // A thread of its own: reading blocks, and Ctrl-C must be heard meanwhile.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            // Nobody listens any more once Ctrl-C was pressed.
            let _ = answers.send(read.is_ok().then_some(line));
        });
        let waiting = tokio::runtime::Handle::current().spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                let _ = interrupts.send(None);
            }
        });
        let line = answer.recv().unwrap_or_default();
        waiting.abort();
        let Some(line) = line else {
            write_stderr("\n");
            return Err(Error::new(Kind::Interrupted, "interrupted at the question: nothing was done"));
        };
        Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Tells whether questions are answered with yes unasked.
    pub(super) fn says_yes(&self) -> bool {
        self.global.yes
    }

    /// Writes data to stdout, with a newline at its end. A reader that has gone is no failure.
    #[expect(clippy::unused_self, reason = "the one way out is the context's")]
    pub(crate) fn data(&self, text: &str) {
        let newline = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        let mut stdout = io::stdout().lock();
        // A closed pipe (`| head`) has had enough; anything else can't be told anywhere.
        let _ =
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(newline.as_bytes())).and_then(|()| stdout.flush());
    }

    /// Writes a line for people to stderr, unless `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.global.quiet {
            let newline = if text.ends_with('\n') { "" } else { "\n" };
            write_stderr(&format!("{text}{newline}"));
        }
    }

    /// Tells whether there is somebody to ask and to draw for: stdin and stderr are a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Tells whether data goes to a terminal.
    #[expect(clippy::unused_self, reason = "the one way out is the context's")]
    pub(super) fn is_screen(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Returns how data on stdout is painted.
    pub(crate) fn paint(&self) -> Paint {
        self.paint_stdout
    }

    /// Returns how everything on stderr is painted.
    pub(crate) fn paint_notes(&self) -> Paint {
        self.paint_stderr
    }
}

/// Writes to stderr; where that can't be done, nothing can be said at all.
pub(super) fn write_stderr(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Looks up an environment variable; one that is not UTF-8 counts as unset.
pub(super) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
