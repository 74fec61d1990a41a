//! The addon of other players: what a link is set to, what the Stremio addon protocol says, and lists for players that have none.
//! Nothing here asks or answers anybody; the routes do.
//!
//! Source: `stremio-addon-sdk`, `docs/protocol.md` and `docs/api/`; the client's reading of it in `stremio-core`, `src/types/`.

mod asked;
mod begun;
mod lists;
mod settings;
mod shapes;

pub(crate) use asked::{Asked, extra_value, search_text, skipped};
pub(crate) use begun::{Begun, BegunKey};
pub(crate) use lists::{entries, file_stem, m3u};
pub(crate) use settings::AddonSettings;
pub(crate) use shapes::{
    Manifest, Meta, MetaPreview, SEARCH_CATALOG, Stream, TRENDING_CATALOG, trouble_stream, type_of,
};
