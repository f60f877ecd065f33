//! One server for all tests of the suite, also when each runs in a process of its own.
//!
//! Every process that uses it holds a lock on a file. The first one starts the server beside a shell that waits for the
//! lock to be free, for two seconds on end, and then stops the server and removes its folder. So it goes away however
//! the tests end.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::cluster::{data, init, is_up, settings};
use super::programs::{Programs, free_port, wait_for};

/// Waits until nobody holds the lock `$1`, then stops the server of the cluster `$2` with the program `$3` and removes
/// the folder `$4` and the note `$5`. As the clusters' files may be another user's, so is `pg_ctl`, by the words after.
const WATCH: &str = r#"
lock=$1 data=$2 pg_ctl=$3 folder=$4 note=$5; shift 5
while :; do
  flock --exclusive "$lock" true
  sleep 2
  flock --exclusive --nonblock "$lock" sh -c '
    data=$1 pg_ctl=$2 folder=$3 note=$4; shift 4
    "$@" "$pg_ctl" stop -D "$data" -m immediate; rm -rf "$folder" "$note"' sh "$data" "$pg_ctl" "$folder" "$note" "$@" &&
    exit
done"#;

/// The server that all share, as this process knows it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) port: u16,
    pub(crate) data: PathBuf,
    _use: File,
}

impl Shared {
    /// The server, started if it is not there; none where PostgreSQL is not installed.
    pub(crate) fn get() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
        SHARED.get_or_init(|| Programs::find().map(|programs| Self::join(&programs))).as_ref()
    }

    fn join(programs: &Programs) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(folder).unwrap();
        let file = |name: &str| folder.join(format!("postgres-{name}"));
        let used = File::create(file("used")).unwrap();
        used.lock_shared().unwrap();
        let starting = File::create(file("starting")).unwrap();
        starting.lock().unwrap();
        let note = file("note");
        if let Some((port, data)) = fs::read_to_string(&note).ok().as_deref().and_then(|note| note.split_once(' ')) {
            let port = port.parse().unwrap();
            wait_for("the start of the server", || is_up(programs, port));
            return Self { port, data: data.into(), _use: used };
        }
        let (port, data) = start(programs, &file("used"), &note);
        fs::write(&note, format!("{port} {}", data.display())).unwrap();
        Self { port, data, _use: used }
    }
}

fn start(programs: &Programs, lock: &Path, note: &Path) -> (u16, PathBuf) {
    let folder = tempfile::Builder::new().prefix("ringback-postgres-").tempdir().unwrap().keep();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    programs.give(&folder);
    let (port, data) = (free_port(), data(&folder));
    init(programs, &data);
    // What the suite asks is no question of power cuts, and a test machine's disk is slow.
    let settings = settings(port).join(" ") + " -c fsync=off -c full_page_writes=off";
    let as_user = programs.command("pg_ctl");
    // The words before the program's own name are those that change the user, but for the one that ends it with us.
    let as_user: Vec<_> = as_user.get_args().skip(2).take_while(|word| !word.to_string_lossy().contains('/')).collect();
    let mut pg_ctl = Command::new("setpriv");
    pg_ctl.args(&as_user).arg(programs.bin().join("pg_ctl")).args(["start", "-w", "-s", "-D"]).arg(&data);
    pg_ctl.arg("-l").arg(folder.join("log")).arg("-o").arg(settings).current_dir("/");
    quiet(&mut pg_ctl);
    assert!(pg_ctl.status().unwrap().success(), "the server does not start");
    let mut watch = Command::new("setsid");
    watch
        .args(["sh", "-c", WATCH, "sh"])
        .arg(lock)
        .arg(&data)
        .arg(programs.bin().join("pg_ctl"))
        .arg(&folder)
        .arg(note);
    watch.arg("setpriv").args(&as_user).current_dir("/");
    #[expect(clippy::zombie_processes, reason = "it outlives this process")]
    quiet(&mut watch).spawn().unwrap();
    (port, data)
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}
