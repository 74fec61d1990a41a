//! Random sequences of calls, as a confused C program might make them.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char};
use std::ptr;

use prostream::*;

/// Calls of each thread.
const CALL_COUNT: usize = 3_000;
/// Threads that call at the same time.
const THREAD_COUNT: u64 = 2;
/// Most engines and presentations that one thread keeps.
const MAX_LIVE: usize = 3;

const FILM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../prostream-server/assets/demo-film.mkv");

/// A small generator (xorshift64): the same sequences in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }
}

/// What the caller knows: which handles live, and all that ever did.
struct Caller {
    dice: Dice,
    film: CString,
    engines: BTreeSet<u64>,
    presentations: BTreeSet<u64>,
    known: Vec<u64>,
}

impl Caller {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            film: CString::new(FILM).expect("a path without NUL"),
            engines: BTreeSet::new(),
            presentations: BTreeSet::new(),
            known: vec![0, 1 << 60, u64::MAX],
        }
    }

    /// One of the handles: live, stale, of another kind, or never given out.
    fn any_handle(&mut self) -> u64 {
        // The latest few, so that a good part of them still lives.
        let recent = self.known.len().min(8);
        self.known[self.known.len() - 1 - self.dice.throw(recent)]
    }

    fn any_name(&mut self) -> *const c_char {
        let names: [*const c_char; 7] = [
            ptr::null(),
            c"main.m3u8".as_ptr(),
            c"p3c1/video-1/index.m3u8".as_ptr(),
            c"p3c1/video-1/init.mp4".as_ptr(),
            c"p3c1/video-1/4294967295.m4s".as_ptr(),
            c"p3c1/../../x".as_ptr(),
            c"\xff\xfe".as_ptr(),
        ];
        names[self.dice.throw(names.len())]
    }

    fn remember(&mut self, handle: u64) {
        assert_ne!(handle, 0);
        assert!(!self.known.contains(&handle), "handle {handle} was given out twice");
        self.known.push(handle);
    }

    fn new_engine(&mut self) {
        if self.engines.len() >= MAX_LIVE {
            return;
        }
        let mut engine = 0;
        // SAFETY: NULL is allowed, the output is a variable.
        assert_eq!(unsafe { prostream_engine_new(ptr::null(), &mut engine) }, PROSTREAM_OK);
        self.remember(engine);
        self.engines.insert(engine);
    }

    fn open(&mut self) {
        let engine = self.any_handle();
        let is_live = self.engines.contains(&engine);
        if is_live && self.presentations.len() >= MAX_LIVE {
            return;
        }
        let mut presentation = 0;
        // SAFETY: the path ends with NUL, NULL is allowed for the device, the output is a variable.
        let status = unsafe { prostream_open(engine, self.film.as_ptr(), ptr::null(), 0, &mut presentation) };
        if is_live {
            assert_eq!(status, PROSTREAM_OK);
            self.remember(presentation);
            self.presentations.insert(presentation);
        } else {
            assert_eq!((status, presentation), (PROSTREAM_INVALID_HANDLE, 0));
        }
    }

    fn free_engine(&mut self) {
        let handle = self.any_handle();
        let expected = if self.engines.remove(&handle) { PROSTREAM_OK } else { PROSTREAM_INVALID_HANDLE };
        assert_eq!(prostream_engine_free(handle), expected);
    }

    fn free_presentation(&mut self) {
        let handle = self.any_handle();
        let expected = if self.presentations.remove(&handle) { PROSTREAM_OK } else { PROSTREAM_INVALID_HANDLE };
        assert_eq!(prostream_presentation_free(handle), expected);
    }

    /// Reads something of a presentation, or of what is none.
    fn read(&mut self) {
        let handle = self.any_handle();
        let is_live = self.presentations.contains(&handle);
        let wants_output = self.dice.throw(8) > 0;
        let rendition = u32::try_from(self.dice.throw(7)).expect("small");
        let segment = u32::try_from(self.dice.throw(13)).expect("small");
        let mut bytes = prostream_bytes { data: ptr::null(), size: 0, owner: ptr::null_mut() };
        let out = if wants_output { &raw mut bytes } else { ptr::null_mut() };
        let name = self.any_name();
        // SAFETY: names are NULL or end with NUL; the output is NULL or a variable.
        let status = unsafe {
            match self.dice.throw(6) {
                0 => prostream_describe(handle, out),
                1 => prostream_playlist(handle, out),
                2 => prostream_media_playlist(handle, rendition, out),
                3 => prostream_init_segment(handle, rendition, out),
                4 => prostream_segment(handle, rendition, segment, out),
                _ => prostream_read(handle, name, out),
            }
        };
        let is_ok = status == PROSTREAM_OK;
        assert!(!is_ok || (is_live && wants_output), "status {status} of {handle}");
        let refusals = [PROSTREAM_INVALID_INPUT, PROSTREAM_NOT_FOUND, PROSTREAM_INVALID_HANDLE];
        assert!(is_ok || refusals.contains(&status), "status {status} of {handle}");
        assert!(!is_live || status != PROSTREAM_INVALID_HANDLE);
        assert_eq!(!bytes.owner.is_null(), is_ok, "outputs are written on success and only then");
        if !is_ok {
            // SAFETY: never NULL, ends with NUL.
            assert!(!unsafe { CStr::from_ptr(prostream_last_error()) }.is_empty());
        }
        for _ in 0..2 {
            // SAFETY: filled by the library, cleared by the first call, or zeros.
            assert_eq!(unsafe { prostream_bytes_free(&mut bytes) }, PROSTREAM_OK);
        }
        assert!(bytes.data.is_null() && bytes.owner.is_null());
    }

    fn run(mut self) -> usize {
        self.new_engine();
        for _ in 0..CALL_COUNT {
            match self.dice.throw(20) {
                0 => self.new_engine(),
                1..=3 => self.open(),
                4 => self.free_engine(),
                5 => self.free_presentation(),
                _ => self.read(),
            }
        }
        for presentation in std::mem::take(&mut self.presentations) {
            assert_eq!(prostream_presentation_free(presentation), PROSTREAM_OK);
        }
        for engine in std::mem::take(&mut self.engines) {
            assert_eq!(prostream_engine_free(engine), PROSTREAM_OK);
        }
        self.known.len()
    }
}

/// Goal: whatever a program calls, in whatever order and on several threads, the answer is a status and follows from the handles alone.
/// Method: random calls with live, stale, foreign and invented handles, NULL and nonsense, beside a model of which handles live.
#[test]
fn any_sequence_of_calls_answers_with_statuses() {
    let threads: Vec<_> = (1..=THREAD_COUNT)
        .map(|seed| std::thread::spawn(move || Caller::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).run()))
        .collect();
    for thread in threads {
        let handle_count = thread.join().expect("no call panics");
        assert!(handle_count > 50, "only {handle_count} handles were ever made: the sequences test too little");
    }
}
