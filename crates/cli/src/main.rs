//! The binary `ringback`: settings, wiring, signals, and the commands.
//!
//! `args.rs` is the command line, `config/` what becomes of it with the environment and the file, `server.rs` how the
//! parts are put together. Each command has a file of its name, and those of the API are made in `client/`. Exit
//! status: 0 done, 1 failed, 2 refused settings, 3 to 8 what became of a call of the API (`client/failure.rs`), 70 the
//! store broke (see [`serve`]).

mod args;
mod backup;
mod bench;
mod check;
mod client;
mod completions;
mod config;
mod config_print;
mod demo;
mod import_svix;
mod keys;
mod listen;
mod log;
mod man;
mod migrate_store;
mod receiver;
mod rekey;
mod restore;
mod serve;
mod server;
mod signals;
mod store;
mod telemetry;
mod terminal;
mod token;
mod url_rules;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Cli, Command, ConfigCommand, Read};
use config::ConfigError;
use server::StoreBroken;

/// Exit status of a command whose settings are refused: the same as that of a wrong command line.
const EXIT_SETTINGS: u8 = 2;
/// Exit status of a server whose store broke: `EX_SOFTWARE` of sysexits.
const EXIT_STORE: u8 = 70;

/// Many small pieces are taken by one thread and given back by another: between the requests, the writer and the
/// engine. The system's allocator spends a tenth of all time on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match Cli::read() {
        Read::Command(command) => run(command),
        Read::Api(result) => result,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough, as `head` has.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, causes included; if even standard error is gone, the status has to do.
            writeln!(io::stderr(), "ringback: {error:#}").ok();
            ExitCode::from(status(&error))
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(args) => serve::run(*args),
        Command::Demo(args) => demo::run(args),
        Command::Token(args) => token::run(args),
        Command::Check(args) => check::run(args),
        Command::Backup(args) => backup::run(args),
        Command::Restore(args) => restore::run(args),
        Command::Rekey(args) => rekey::run(args),
        Command::MigrateStore(args) => migrate_store::run(args),
        Command::Listen(args) => listen::run(args),
        Command::Verify(args) => verify::run(&args),
        Command::ImportSvix(args) => import_svix::run(&args),
        Command::Bench(args) => bench::run(args),
        Command::Transformer => Ok(ringback_engine::serve_transformations()?),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Config(args) => match args.command {
            ConfigCommand::Print => config_print::run(),
        },
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn status(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| cause.is::<StoreBroken>()) {
        EXIT_STORE
    } else if error.chain().any(|cause| cause.is::<ConfigError>()) {
        EXIT_SETTINGS
    } else {
        error.downcast_ref::<client::Failure>().map_or(1, client::Failure::exit)
    }
}
