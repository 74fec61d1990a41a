//! Nothing inside is reached through the C library either (OUT-01 to OUT-03).

use std::ffi::{CStr, CString};
use std::ptr;

use async_trait::async_trait;
use prostream::*;
use prostream_core::testing::outbound::{
    Access, EntryPoint, Outside, Told, nothing_inside_is_reached, passes_where_every_address_is_ours,
};
use tokio::sync::OnceCell;

/// `prostream_open` with an address, at an engine for each access.
struct Opened([OnceCell<prostream_engine>; 2]);

#[async_trait]
impl EntryPoint for Opened {
    fn name(&self) -> &str {
        "prostream_open"
    }

    fn takes_a_client(&self) -> bool {
        false
    }

    async fn fetch(&self, outside: &Outside, access: Access, address: &str) -> Result<(), Told> {
        let [public, everything] = &self.0;
        let engine = if access == Access::Public { public } else { everything };
        let config = serde_json::json!({ "outbound_allow": outside.exceptions(access) }).to_string();
        let engine = *engine.get_or_init(|| blocking(move || new_engine(&config))).await;
        let address = CString::new(address).unwrap();
        blocking(move || open(engine, &address)).await
    }
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(act).await.unwrap()
}

fn new_engine(config: &str) -> prostream_engine {
    let config = CString::new(config).unwrap();
    let mut engine = 0;
    // SAFETY: the text ends with NUL, the output is a variable.
    let status = unsafe { prostream_engine_new(config.as_ptr(), &mut engine) };
    assert_eq!(status, PROSTREAM_OK);
    engine
}

fn open(engine: prostream_engine, address: &CStr) -> Result<(), Told> {
    let mut presentation = 0;
    // SAFETY: the text ends with NUL, NULL is allowed for the device, the output is a variable.
    let status = unsafe { prostream_open(engine, address.as_ptr(), ptr::null(), 0, &mut presentation) };
    if status == PROSTREAM_OK {
        prostream_presentation_free(presentation);
        return Ok(());
    }
    // SAFETY: never NULL, and read before this thread's next call.
    let [code, text] = unsafe {
        [prostream_status_name(status), prostream_last_error()]
            .map(|text| CStr::from_ptr(text).to_str().unwrap().to_owned())
    };
    Err(Told { code, text })
}

/// Goal: whatever address a program hands over, and however it is written, no connection goes where none may go.
/// Method: as for the entry points of the core: `prostream-core/tests/outbound.rs`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_03_nothing_inside_is_reached() {
    let outside = Outside::start().await;
    let opened = Opened([const { OnceCell::const_new() }; 2]);
    nothing_inside_is_reached(&outside, &[&opened]).await;
    for engine in opened.0.into_iter().filter_map(OnceCell::into_inner) {
        assert_eq!(blocking(move || prostream_engine_free(engine)).await, PROSTREAM_OK);
    }
}

/// Goal: what holds for the loopback holds for private networks, clouds' metadata and every other address.
/// Method: the test above in a network in which all of them are this machine's, where the system allows one.
#[test]
fn out_03_nothing_beyond_the_loopback_is_reached() {
    assert_ne!(passes_where_every_address_is_ours("out_03_nothing_inside_is_reached"), Some(false));
}
