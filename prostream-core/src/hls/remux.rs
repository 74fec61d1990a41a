use std::sync::Arc;

use async_trait::async_trait;

use super::{HlsProvider, Presentation};
use crate::container::MediaIndex;
use crate::model::DeviceProfile;
use crate::source::ByteSource;
use crate::{Error, ErrorKind, Result};

/// Limits of the packager.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PackagerConfig {}

/// Packages MP4 and Matroska by copying samples: no ffmpeg, no temporary file.
#[derive(Debug, Default)]
pub struct NativePackager {}

impl NativePackager {
    /// A packager with these limits.
    #[must_use]
    pub fn new(_config: PackagerConfig) -> Self {
        Self {}
    }

    /// Makes a presentation from an index that is known already.
    ///
    /// # Errors
    /// `Unsupported` when no track can be packaged for the device.
    pub fn present(
        &self,
        _index: Arc<MediaIndex>,
        _source: Arc<dyn ByteSource>,
        _device: &DeviceProfile,
    ) -> Result<Arc<dyn Presentation>> {
        Err(Error::new(ErrorKind::Unsupported, "open presentation"))
    }
}

#[async_trait]
impl HlsProvider for NativePackager {
    async fn open(&self, _source: Arc<dyn ByteSource>, _device: &DeviceProfile) -> Result<Arc<dyn Presentation>> {
        Err(Error::new(ErrorKind::Unsupported, "open presentation"))
    }
}
