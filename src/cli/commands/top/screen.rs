//! The terminal, taken over and given back as it was on every way out: by [`Screen::leave`], when dropped, and when any thread
//! panics. Draws nothing of itself.

use std::io::{self, BufWriter, Stdout, Write};
use std::os::fd::AsFd;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

/// Is the terminal taken over?
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The panic hook is set once.
static HOOK: Once = Once::new();

/// The exit code of a panic, in any thread.
const PANICKED: i32 = 101;

/// The terminal, while it is taken over.
pub struct Screen {
    terminal: Canvas,
}

/// What pictures are drawn on.
type Canvas = Terminal<CrosstermBackend<BufWriter<Ink>>>;

/// Standard output for as long as the terminal is taken over; afterwards nothing is drawn any more. What the drawing library
/// writes when it ends would fail on a terminal that is gone, and it would want to tell that very terminal.
struct Ink(Stdout);

impl Write for Ink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if TAKEN.load(Ordering::SeqCst) { self.0.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if TAKEN.load(Ordering::SeqCst) { self.0.flush() } else { Ok(()) }
    }
}

impl Screen {
    /// Takes the terminal over: keys come one by one, and pictures go to the alternate screen.
    ///
    /// # Errors
    /// What the terminal says; it is then as it was.
    pub fn enter(out: Stdout) -> io::Result<Screen> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                let taken = give_back();
                before(panic);
                if taken {
                    // Other threads would go on drawing over what was said.
                    std::process::exit(PANICKED);
                }
            }));
        });
        take_over()?;
        match canvas(out) {
            Ok(terminal) => Ok(Screen { terminal }),
            Err(why) => {
                give_back();
                Err(why)
            }
        }
    }

    /// Draws a picture: what differs from the last one is sent.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(picture).map(drop)
    }

    /// Forgets what is on the screen, so that all of it is drawn anew.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn clear(&mut self) -> io::Result<()> {
        // Not by the library's own way: that asks the terminal for its cursor, and the answer goes to whoever reads keys.
        execute!(io::stdout(), Clear(ClearType::All))?;
        // What is drawn on now ends in silence only where it has shown the cursor.
        self.terminal.show_cursor()?;
        self.terminal = canvas(io::stdout())?;
        Ok(())
    }

    /// Gives the terminal back for a while; [`Screen::again`] takes it once more.
    pub fn leave(&mut self) {
        give_back();
    }

    /// Takes the terminal over once more.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn again(&mut self) -> io::Result<()> {
        take_over()?;
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Something to draw on, of which nothing is known to be drawn yet.
fn canvas(out: Stdout) -> io::Result<Canvas> {
    Terminal::new(CrosstermBackend::new(BufWriter::new(Ink(out))))
}

/// Waits until the terminal is gone; `false` where that cannot be told.
pub fn wait_for_its_end() -> bool {
    let out = io::stdout();
    loop {
        // Nothing is asked for: that it is gone is told anyway.
        let mut ends = [PollFd::new(out.as_fd(), PollFlags::empty())];
        match poll(&mut ends, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            told => return told.is_ok(),
        }
    }
}

fn take_over() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = execute!(io::stdout(), EnterAlternateScreen, Hide);
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Gives the terminal back, once; was it taken over?
fn give_back() -> bool {
    let taken = TAKEN.swap(false, Ordering::SeqCst);
    if taken {
        // Each of them, even if the one before failed; where the terminal is gone, nothing can be given back.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = io::stdout().flush();
        let _ = disable_raw_mode();
    }
    taken
}
