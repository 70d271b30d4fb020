//! Data as they were before they were compressed.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::header::Compression;

/// The most that one Zstandard frame may ask to be held: 128 MB, which its highest ordinary level asks for.
const MAX_WINDOW_LOG: u32 = 27;

/// Where the compressed data stand, which decides how gzip wraps them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrapping {
    /// In a custom archive: zlib.
    Archive,
    /// A file of its own: gzip.
    File,
}

/// Data that decompress as they are read. A frame that is cut is an error, not an end.
///
/// # Errors
/// When the decompressor cannot be set up.
pub fn decompressed<'a, R: BufRead + Send + 'a>(
    source: R,
    compression: Compression,
    wrapping: Wrapping,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match (compression, wrapping) {
        (Compression::None, _) => Box::new(source),
        (Compression::Gzip, Wrapping::Archive) => Box::new(Zlib::new(source)),
        (Compression::Gzip, Wrapping::File) => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        (Compression::Lz4, _) => Box::new(Lz4::new(source)),
        (Compression::Zstd, _) => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            Box::new(decoder)
        }
    })
}

/// A zlib stream of which a missing end is told: the library's own reader takes it for the end.
struct Zlib<R> {
    source: R,
    state: Decompress,
    ended: bool,
}

impl<R> Zlib<R> {
    fn new(source: R) -> Self {
        Self { source, state: Decompress::new(true), ended: false }
    }
}

impl<R: BufRead> Read for Zlib<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let input = self.source.fill_buf()?;
            if input.is_empty() {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "the compressed data end early"));
            }
            let (taken, given) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, buffer, FlushDecompress::None);
            let taken = usize::try_from(self.state.total_in() - taken).unwrap_or(input.len());
            let given = usize::try_from(self.state.total_out() - given).unwrap_or(0);
            self.source.consume(taken);
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(Status::BufError) if given == 0 && taken == 0 => {
                    return Err(io::Error::new(ErrorKind::InvalidData, "the compressed data are damaged"));
                }
                Ok(Status::Ok | Status::BufError) => {}
                Err(error) => {
                    return Err(io::Error::new(
                        ErrorKind::InvalidData,
                        format!("the compressed data are damaged ({error})"),
                    ));
                }
            }
            if given > 0 {
                return Ok(given);
            }
        }
        Ok(0)
    }
}

/// LZ4 frames of which a missing end is told: the library takes the end of its source for it.
struct Lz4<R: Read> {
    decoder: lz4_flex::frame::FrameDecoder<Watched<R>>,
}

/// Remembers how its bytes began and how they ended.
struct Watched<R> {
    source: R,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let part = &buffer[..read];
        self.first.extend_from_slice(&part[..part.len().min(5 - self.first.len().min(5))]);
        self.last.extend_from_slice(&part[part.len().saturating_sub(4)..]);
        self.last.drain(..self.last.len().saturating_sub(4));
        Ok(read)
    }
}

impl<R: Read> Lz4<R> {
    fn new(source: R) -> Self {
        let watched = Watched { source, first: Vec::new(), last: Vec::new() };
        Self { decoder: lz4_flex::frame::FrameDecoder::new(watched) }
    }

    /// Whether the last frame ended as frames do: by a block of no length, unless a checksum follows, which the library checks.
    fn has_ended(&self) -> bool {
        let watched = self.decoder.get_ref();
        let has_checksum = watched.first.get(4).is_some_and(|flags| flags & 0b100 != 0);
        watched.first.is_empty() || has_checksum || watched.last == [0; 4]
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.decoder.read(buffer)? {
            0 if !buffer.is_empty() && !self.has_ended() => {
                Err(io::Error::new(ErrorKind::UnexpectedEof, "the compressed data end early"))
            }
            read => Ok(read),
        }
    }
}
