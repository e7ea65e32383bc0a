//! Holds every thread of a process still for some milliseconds and leaves each as it was found: a pending signal is
//! delivered, a stopped process stays stopped. Reads nothing and changes nothing in it.
//!
//! `ptrace` ties a traced thread to the *thread* that traces it. So each [`Freeze`] has a thread of its own, which seizes,
//! waits, lets go, and ends. When it ends the kernel lets go of whatever it still holds, even of a thread that never
//! stopped because it waits for a disk; when leakspy is killed, this happens too. `PTRACE_O_EXITKILL` is never set.
//!
//! What a target may notice: a system call that the kernel cannot restart by itself (`epoll_wait`, `semop`; see signal(7))
//! returns EINTR, as after SIGSTOP and SIGCONT; Python tries it again (PEP 475). The pause is in its clocks.

use std::io;
use std::marker::PhantomData;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;

use super::access::{self, Gate};
use super::stop::NotNow;
use super::{Process, State, Tracer, threads, tracer};

/// For so long the tracing thread asks without a rest whether the threads have stopped.
const BUSY: Duration = Duration::from_micros(300);
/// The rest between two questions after that.
const REST: Duration = Duration::from_micros(50);
/// How long threads that were killed while they were held are given to end.
const DYING: Duration = Duration::from_millis(50);
/// How often the list of threads is read again before a process that makes them without end is given up.
const MOST_ROUNDS: usize = 64;

/// Why a process could not be held still. Whatever was held by then has been let go.
#[derive(Debug, thiserror::Error)]
pub enum FreezeError {
    /// Somebody else traces it, and there can be but one.
    #[error("process {pid} is traced by {} ({}) already", .tracer.pid, .tracer.name)]
    Traced {
        /// The process.
        pid: i32,
        /// Who traces it.
        tracer: Tracer,
    },
    /// The kernel does not let us.
    #[error(transparent)]
    Refused(#[from] Gate),
    /// Not all threads stopped in time.
    #[error("thread {tid} of process {pid} ({state:?}) did not stop within {waited:?}")]
    Deadline {
        /// The process.
        pid: i32,
        /// The first thread that did not stop.
        tid: i32,
        /// What that thread does: [`State::Uninterruptible`] waits for a disk, or for a child made by `vfork`.
        state: State,
        /// How many did not stop.
        running: usize,
        /// How long they were given.
        waited: Duration,
    },
    /// It makes threads faster than they can be stopped.
    #[error("process {pid} makes threads faster than they can be stopped")]
    Restless {
        /// The process.
        pid: i32,
    },
    /// It ended, or another one has its PID now.
    #[error("process {pid} went away")]
    Gone {
        /// The process.
        pid: i32,
    },
    /// A system call failed in a way that is not expected.
    #[error("cannot stop thread {tid} of process {pid}: {errno}")]
    System {
        /// The process.
        pid: i32,
        /// The thread.
        tid: i32,
        /// What the kernel said.
        errno: Errno,
    },
    /// No thread could be made to do the tracing.
    #[error("cannot start a thread to stop process {pid}: {source}")]
    Thread {
        /// The process.
        pid: i32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A process that is held still until this is dropped.
///
/// It stays on the thread that made it, so that a freeze cannot wander off and outlive the look that it was made for.
#[derive(Debug)]
pub struct Freeze {
    pid: i32,
    tids: Vec<i32>,
    was_stopped: bool,
    since: Instant,
    tracing: Option<(Sender<()>, JoinHandle<()>)>,
    here: PhantomData<*const ()>,
    _not_now: NotNow,
}

impl Freeze {
    /// Stops every thread of `process`, within `deadline`.
    ///
    /// A thread of the target that has exited is left alone. One that was stopped by a signal already counts as held.
    ///
    /// # Errors
    /// See [`FreezeError`]. Nothing is held then.
    pub fn new(process: &Process, deadline: Duration) -> Result<Freeze, FreezeError> {
        let pid = process.pid();
        let not_now = NotNow::begin();
        let since = Instant::now();
        let (let_go, wait) = channel();
        let (tell, told) = channel();
        let target = process.clone();
        let thread = std::thread::Builder::new()
            .name("freeze".into())
            .stack_size(128 << 10)
            .spawn(move || trace(&target, since, deadline, &tell, &wait))
            .map_err(|source| FreezeError::Thread { pid, source })?;
        // The thread always answers, unless it panics.
        match told.recv() {
            Ok(Ok(Held { tids, was_stopped })) => {
                let tracing = Some((let_go, thread));
                Ok(Freeze { pid, tids, was_stopped, since, tracing, here: PhantomData, _not_now: not_now })
            }
            Ok(Err(e)) => {
                let _ = thread.join();
                Err(e)
            }
            Err(_) => Err(FreezeError::Gone { pid }),
        }
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// How many threads are held.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.tids.len()
    }

    /// The threads that are held.
    #[must_use]
    pub fn tids(&self) -> &[i32] {
        &self.tids
    }

    /// Was the process stopped by a signal before? Then it stays so afterwards.
    #[must_use]
    pub fn was_stopped(&self) -> bool {
        self.was_stopped
    }

    /// Lets the process run on and says how long it was held, from the first thread stopped to the last one let go.
    #[must_use = "the pause is what users want to know; drop the freeze where it does not matter"]
    pub fn thaw(mut self) -> Duration {
        self.let_go();
        self.since.elapsed()
    }

    fn let_go(&mut self) {
        if let Some((let_go, thread)) = self.tracing.take() {
            drop(let_go);
            let _ = thread.join();
        }
    }
}

impl Drop for Freeze {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// What the tracing thread answers when all threads are held.
struct Held {
    tids: Vec<i32>,
    was_stopped: bool,
}

/// The life of the tracing thread.
fn trace(
    target: &Process,
    since: Instant,
    deadline: Duration,
    tell: &Sender<Result<Held, FreezeError>>,
    wait: &Receiver<()>,
) {
    let mut tracees = Tracees { pid: target.pid(), all: Vec::new() };
    match tracees.stop_all(target, since, deadline) {
        Ok(()) => {
            let tids = tracees.all.iter().filter(|t| t.is_held()).map(|t| t.tid).collect();
            let was_stopped = tracees.all.iter().any(|t| matches!(t.at, At::Stopped { group: true, .. }));
            if tell.send(Ok(Held { tids, was_stopped })).is_ok() {
                // Comes back when the other end is dropped.
                let _ = wait.recv();
            }
            drop(tracees);
        }
        Err(e) => {
            drop(tracees);
            let _ = tell.send(Err(e));
        }
    }
}

/// Where a thread of the target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Told to stop.
    Running,
    /// Held. `signal`, where not 0, was on its way to it and waits to be delivered (a number, since nix knows no real-time
    /// signals); `group`: a signal had stopped all of it before.
    Stopped { signal: i32, group: bool },
    /// Ended.
    Over,
}

#[derive(Debug)]
struct Tracee {
    tid: i32,
    at: At,
}

impl Tracee {
    fn is_held(&self) -> bool {
        matches!(self.at, At::Stopped { .. })
    }
}

/// All threads that this thread traces. Dropping it lets go of them.
struct Tracees {
    pid: i32,
    all: Vec<Tracee>,
}

impl Tracees {
    fn stop_all(&mut self, target: &Process, since: Instant, deadline: Duration) -> Result<(), FreezeError> {
        for _ in 0..MOST_ROUNDS {
            if !self.seize_new(target)? {
                return if self.all.iter().any(Tracee::is_held) {
                    Ok(())
                } else {
                    Err(FreezeError::Gone { pid: self.pid })
                };
            }
            self.wait_for_all(since, deadline)?;
        }
        Err(FreezeError::Restless { pid: self.pid })
    }

    /// Seizes the threads that are not held yet; were there any?
    fn seize_new(&mut self, target: &Process) -> Result<bool, FreezeError> {
        let pid = self.pid;
        let first = self.all.is_empty();
        let tids = threads(pid).map_err(|_| FreezeError::Gone { pid })?;
        let mut any = false;
        for tid in tids {
            if self.all.iter().any(|t| t.tid == tid) {
                continue;
            }
            any = true;
            let thread = Pid::from_raw(tid);
            match ptrace::seize(thread, ptrace::Options::empty()) {
                Ok(()) => self.all.push(Tracee { tid, at: At::Running }),
                // It ended meanwhile, or ended before and is still listed.
                Err(_) if is_over(pid, tid) => {
                    self.all.push(Tracee { tid, at: At::Over });
                    continue;
                }
                Err(Errno::EPERM | Errno::EACCES) => return Err(refused(pid, tid)),
                Err(errno) => return Err(FreezeError::System { pid, tid, errno }),
            }
            if first && self.all.len() == 1 && !target.still_same() {
                return Err(FreezeError::Gone { pid });
            }
            match ptrace::interrupt(thread) {
                // It may end at any time; that is seen by waiting for it.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(FreezeError::System { pid, tid, errno }),
            }
        }
        Ok(any)
    }

    /// Waits until every seized thread has stopped or ended.
    fn wait_for_all(&mut self, since: Instant, deadline: Duration) -> Result<(), FreezeError> {
        let began = Instant::now();
        let mut looked = began;
        loop {
            let mut running = 0;
            for tracee in self.all.iter_mut().filter(|t| t.at == At::Running) {
                tracee.at = look(tracee.tid);
                running += usize::from(tracee.at == At::Running);
            }
            if running == 0 {
                return Ok(());
            }
            if began.elapsed() < BUSY {
                std::thread::yield_now();
            } else {
                std::thread::sleep(REST);
            }
            if looked.elapsed() > Duration::from_millis(1) {
                // A main thread that ends before the others is never reported.
                looked = Instant::now();
                for tracee in self.all.iter_mut().filter(|t| t.at == At::Running && is_over(self.pid, t.tid)) {
                    tracee.at = At::Over;
                }
            }
            if since.elapsed() >= deadline
                && let Some(late) = self.all.iter().find(|t| t.at == At::Running)
            {
                let state = state(self.pid, late.tid);
                let waited = since.elapsed();
                return Err(FreezeError::Deadline { pid: self.pid, tid: late.tid, state, running, waited });
            }
        }
    }
}

impl Drop for Tracees {
    fn drop(&mut self) {
        let mut killed = Vec::new();
        for tracee in &mut self.all {
            if tracee.at == At::Running {
                // It may have stopped just now; then its signal must not be lost.
                tracee.at = look(tracee.tid);
            }
            // One that still has not stopped is let go of by the kernel, when this thread ends.
            if let At::Stopped { signal, .. } = tracee.at
                && !detach(tracee.tid, signal)
            {
                killed.push(tracee.tid);
            }
        }
        // Those that were killed while they were held would stay zombies until their tracer has waited for them; the main
        // thread can be waited for last only.
        let began = Instant::now();
        while !killed.is_empty() && began.elapsed() < DYING {
            killed.retain(|tid| !matches!(look(*tid), At::Over));
            if !killed.is_empty() {
                std::thread::sleep(REST);
            }
        }
    }
}

/// Asks without waiting whether a thread that is traced from here has stopped or ended.
fn look(tid: i32) -> At {
    let flags = libc::WNOHANG | WaitPidFlag::__WALL.bits();
    loop {
        let mut status = 0;
        // SAFETY: `status` is a valid place for one int; nothing else is passed by address. nix's wrapper cannot be used,
        // since it fails on a status that holds a real-time signal.
        let got = unsafe { libc::waitpid(tid, &raw mut status, flags) };
        return match got {
            0 => At::Running,
            -1 => match Errno::last() {
                Errno::EINTR => continue,
                // Not ours any more.
                _ => At::Over,
            },
            _ => meaning(status),
        };
    }
}

/// What a wait status of a seized thread means.
fn meaning(status: i32) -> At {
    if !libc::WIFSTOPPED(status) {
        return At::Over;
    }
    let signal = libc::WSTOPSIG(status);
    if status >> 16 == libc::PTRACE_EVENT_STOP {
        // SIGTRAP where it was our interrupt; else the signal that stopped the whole process.
        return At::Stopped { signal: 0, group: signal != libc::SIGTRAP };
    }
    // On its way to the target: handed on when it is let go.
    At::Stopped { signal, group: false }
}

/// Lets go of a stopped thread and hands it `signal`, if that is not 0. False where it is no longer stopped.
fn detach(tid: i32, signal: i32) -> bool {
    let none: *mut libc::c_void = std::ptr::null_mut();
    // SAFETY: PTRACE_DETACH reads and writes no memory of ours; its last argument is a number.
    unsafe { libc::ptrace(libc::PTRACE_DETACH, tid, none, i64::from(signal)) == 0 }
}

fn state(pid: i32, tid: i32) -> State {
    std::fs::read(format!("/proc/{pid}/task/{tid}/stat"))
        .ok()
        .and_then(|b| super::Stat::parse(&String::from_utf8_lossy(&b)))
        .map_or(State::Zombie, |s| s.state)
}

fn is_over(pid: i32, tid: i32) -> bool {
    state(pid, tid) == State::Zombie
}

fn refused(pid: i32, tid: i32) -> FreezeError {
    match tracer(tid) {
        Some(tracer) => FreezeError::Traced { pid, tracer },
        None => match access::diagnose_stopping(pid) {
            Gate::Gone { pid } => FreezeError::Gone { pid },
            Gate::Traced { pid, tracer } => FreezeError::Traced { pid, tracer },
            gate => FreezeError::Refused(gate),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Child, ChildStdout, Command, Stdio};

    /// A child that is killed at the end of the test.
    struct Target {
        child: Child,
        process: Process,
        out: BufReader<ChildStdout>,
    }

    impl Target {
        /// A program that prints a line when it is ready; `None` where it is not installed.
        fn new(program: &str, args: &[&str]) -> Option<Target> {
            let mut child =
                Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
            let out = BufReader::new(child.stdout.take()?);
            let process = Process::open(i32::try_from(child.id()).ok()?).ok()?;
            let mut target = Target { child, process, out };
            assert_eq!(target.line(), "READY");
            Some(target)
        }

        fn python(code: &str) -> Option<Target> {
            let found = Target::new("/usr/bin/python3", &["-c", code]);
            if found.is_none() {
                log::warn!("no /usr/bin/python3: a test is skipped");
            }
            found
        }

        fn cat() -> Target {
            Target::new("sh", &["-c", "echo READY; exec cat"]).expect("sh")
        }

        fn line(&mut self) -> String {
            let mut line = String::new();
            self.out.read_line(&mut line).expect("the target speaks");
            line.trim_end().to_owned()
        }

        /// The target answers what it is told.
        fn echoes(&mut self) {
            let input = self.child.stdin.as_mut().expect("a pipe");
            input.write_all(b"still here\n").expect("written");
            assert_eq!(self.line(), "still here");
        }

        fn signal(&self, signal: i32) {
            // SAFETY: sends a signal to our own child.
            assert_eq!(unsafe { libc::kill(self.process.pid(), signal) }, 0);
        }

        fn wait_for(&self, state: State) {
            let began = Instant::now();
            while self.process.state().expect("it lives") != state {
                assert!(began.elapsed() < Duration::from_secs(10), "never {state:?}");
                std::thread::yield_now();
            }
        }

        fn states(&self) -> Vec<State> {
            threads(self.process.pid()).expect("it lives").into_iter().map(|t| state(self.process.pid(), t)).collect()
        }
    }

    impl Drop for Target {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn holds_and_lets_go() {
        let mut target = Target::cat();
        target.wait_for(State::Sleeping);
        let freeze = Freeze::new(&target.process, SECOND).expect("ours");
        assert_eq!(freeze.threads(), 1);
        assert!(!freeze.was_stopped());
        assert_eq!(target.process.state().expect("it lives"), State::Traced);
        assert!(target.process.tracer().is_some());
        let _ = freeze.thaw();
        assert!(target.process.tracer().is_none());
        target.wait_for(State::Sleeping);
        target.echoes();
    }

    #[test]
    fn a_second_one_is_told_who_holds_it() {
        let target = Target::cat();
        let _first = Freeze::new(&target.process, SECOND).expect("ours");
        let second = Freeze::new(&target.process, SECOND);
        let own = i32::try_from(std::process::id()).expect("a pid fits");
        assert!(matches!(second, Err(FreezeError::Traced { tracer, .. }) if tracer.pid == own));
    }

    #[test]
    fn unwinding_lets_go() {
        let mut target = Target::cat();
        let process = target.process.clone();
        let fell = std::panic::catch_unwind(|| {
            let _freeze = Freeze::new(&process, SECOND).expect("ours");
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(fell.is_err());
        assert!(process.tracer().is_none());
        target.echoes();
    }

    #[test]
    fn what_was_stopped_stays_stopped() {
        let mut target = Target::cat();
        target.signal(libc::SIGSTOP);
        target.wait_for(State::Stopped);
        let freeze = Freeze::new(&target.process, SECOND).expect("ours");
        assert!(freeze.was_stopped());
        let _ = freeze.thaw();
        target.wait_for(State::Stopped);
        assert!(target.process.tracer().is_none());
        target.signal(libc::SIGCONT);
        target.echoes();
    }

    #[test]
    fn a_stop_that_comes_meanwhile_is_kept() {
        let mut target = Target::cat();
        let freeze = Freeze::new(&target.process, SECOND).expect("ours");
        target.signal(libc::SIGSTOP);
        let _ = freeze.thaw();
        target.wait_for(State::Stopped);
        target.signal(libc::SIGCONT);
        target.echoes();
    }

    const THREADS: &str = r"
import threading, sys, time
stop = threading.Event()
def spin():
    while not stop.is_set():
        sum(range(1000))
for i in range(20):
    threading.Thread(target=stop.wait if i % 4 else spin, daemon=True).start()
print('READY', flush=True)
for line in sys.stdin:
    print(line, end='', flush=True)
";

    #[test]
    fn holds_many_threads_again_and_again() {
        let Some(mut target) = Target::python(THREADS) else { return };
        for _ in 0..50 {
            let freeze = Freeze::new(&target.process, SECOND).expect("ours");
            assert_eq!(freeze.threads(), 21);
            assert!(target.states().iter().all(|s| *s == State::Traced), "{:?}", target.states());
            drop(freeze);
        }
        assert!(!target.states().contains(&State::Traced));
        target.echoes();
    }

    #[test]
    fn threads_that_come_and_go() {
        let code = r"
import threading, sys
stop = False
def churn():
    while not stop:
        t = threading.Thread(target=lambda: None)
        t.start()
        t.join()
ts = [threading.Thread(target=churn) for _ in range(3)]
for t in ts: t.start()
print('READY', flush=True)
for line in sys.stdin:
    print(line, end='', flush=True)
    sys.stdout.flush()
";
        let Some(mut target) = Target::python(code) else { return };
        for _ in 0..100 {
            let freeze = Freeze::new(&target.process, SECOND).expect("ours");
            let states = target.states();
            assert!(states.iter().all(|s| matches!(s, State::Traced | State::Zombie)), "{states:?}");
            drop(freeze);
        }
        target.echoes();
    }

    #[test]
    fn an_exited_main_thread_is_left_alone() {
        let code = r"
import threading, ctypes, sys, time
def rest():
    while True:
        line = sys.stdin.readline()
        if line:
            sys.stdout.write(line)
            sys.stdout.flush()
threading.Thread(target=rest, daemon=True).start()
print('READY', flush=True)
# PyThread_exit_thread would wait for the others: end this thread alone.
ctypes.CDLL(None).syscall(60, 0)
";
        let Some(mut target) = Target::python(code) else { return };
        target.wait_for(State::Zombie);
        let freeze = Freeze::new(&target.process, SECOND).expect("ours");
        assert_eq!(freeze.threads(), 1);
        let regions = target.process.regions().expect("the other thread's map");
        let live = crate::memory::live::Live::new(target.process.pid());
        let region = regions.iter().find(|r| r.read).expect("something is readable");
        crate::memory::Memory::word(&live, region.range.start).expect("read by the other thread");
        assert!(target.process.rss_bytes() > 0);
        drop(freeze);
        target.echoes();
    }

    /// Signals rain on the target while it is held and let go: each must arrive.
    #[test]
    fn no_signal_is_lost() {
        let code = r"
import signal, sys, os
n = 0
def count(*_):
    global n
    n += 1
    os.write(1, b'x\n')
signal.signal(signal.SIGUSR1, count)
signal.signal(signal.SIGRTMIN + 3, count)
print('READY', flush=True)
while True:
    sum(range(200))
";
        let Some(mut target) = Target::python(code) else { return };
        for round in 0..200 {
            let signal = if round % 2 == 0 { libc::SIGUSR1 } else { libc::SIGRTMIN() + 3 };
            let early = round % 3 == 0;
            if early {
                target.signal(signal);
            }
            let freeze = Freeze::new(&target.process, SECOND).expect("ours");
            if !early {
                target.signal(signal);
            }
            drop(freeze);
            assert_eq!(target.line(), "x");
        }
    }

    #[test]
    fn killed_while_held() {
        let mut target = Target::cat();
        let freeze = Freeze::new(&target.process, SECOND).expect("ours");
        target.signal(libc::SIGKILL);
        drop(freeze);
        let _ = target.child.wait();
        assert!(!target.process.still_same());
        assert!(matches!(Freeze::new(&target.process, SECOND), Err(FreezeError::Gone { .. })));
    }

    /// A parent waits uninterruptibly for its child of vfork(), so that it cannot be stopped by anyone.
    #[test]
    fn gives_up_on_what_cannot_be_stopped() {
        let code = r"
import ctypes, sys, os
print('READY', flush=True)
libc = ctypes.CDLL(None)
libc.syscall.restype = ctypes.c_long
# clone(CLONE_VM | CLONE_VFORK | SIGCHLD) with its own stack: a child that sleeps until it is killed.
FN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
stack = ctypes.create_string_buffer(1 << 20)
top = ctypes.c_void_p((ctypes.addressof(stack) + (1 << 20)) & ~15)
libc.clone(ctypes.cast(libc.pause, ctypes.c_void_p), top, 0x100 | 0x4000 | 17, None)
print('AGAIN', flush=True)
for line in sys.stdin:
    print(line, end='', flush=True)
";
        let Some(mut target) = Target::python(code) else { return };
        target.wait_for(State::Uninterruptible);
        let error = Freeze::new(&target.process, Duration::from_millis(20)).expect_err("it cannot be stopped");
        assert!(matches!(error, FreezeError::Deadline { state: State::Uninterruptible, running: 1, .. }), "{error}");
        let began = Instant::now();
        while target.process.tracer().is_some() {
            assert!(began.elapsed() < SECOND, "still traced");
        }
        for child in target.process.children() {
            // SAFETY: sends a signal to the child of our own child.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        assert_eq!(target.line(), "AGAIN");
        target.echoes();
    }

    #[test]
    fn nobody_stops_himself() {
        let own = Process::open(i32::try_from(std::process::id()).expect("a pid fits")).expect("ourselves");
        let error = Freeze::new(&own, SECOND).expect_err("not ourselves");
        assert!(matches!(error, FreezeError::Refused(Gate::Ourselves { .. })), "{error}");
    }
}
