/*
 * ProStream: from a title, a link or a file to HLS that plays.
 *
 * Generated from the sources of prostream-ffi; do not edit. PROSTREAM_WRITE_GENERATED=1 cargo test -p prostream-ffi writes it anew.
 *
 * Results    Every function that can fail returns a prostream_status: PROSTREAM_OK (0), or a number that says what a program can do
 *            about it. prostream_last_error() has the story for people. No panic or exception leaves the library.
 * Outputs    An out_... parameter must not be NULL and is written only on PROSTREAM_OK.
 * Handles    Engines and presentations are named by numbers, never 0, never reused. A number that was never given out, was freed, or
 *            names another kind of thing is PROSTREAM_INVALID_HANDLE, never a crash. Whoever got a handle frees it, once.
 * Bytes      What a function writes to a prostream_bytes belongs to the caller, outlives the handles it came from, and is given back
 *            with prostream_bytes_free. Text in it is UTF-8 and followed by a NUL that size does not count.
 * Texts      Arguments are NUL-terminated UTF-8 of at most 1 MiB, copied before the function returns.
 * Threads    Any thread may call any function at any time; two threads may use one handle. Functions that take a timeout_ms and those
 *            that read segments block the calling thread. One that frees a handle does not disturb calls that are still using it.
 *            A prostream_bytes itself is plain memory: one thread at a time.
 * Processes  A child made by fork() without exec() must not use an engine of its parent: its threads stayed behind.
 * Versions   Compare prostream_abi_version() with PROSTREAM_ABI_VERSION once at the start.
 */

#ifndef PROSTREAM_H
#define PROSTREAM_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of the ABI. Raised when a function or a number changes its meaning; additions leave it alone.
 */
#define PROSTREAM_ABI_VERSION 1

/**
 * 0 is success; everything else is one of the PROSTREAM_... numbers below. A number keeps its meaning for ever; new ones may come.
 */
typedef int32_t prostream_status;

/**
 * Bytes that the library owns. To be given back with prostream_bytes_free, once: a copy of the struct is no second owner.
 */
typedef struct prostream_bytes {
    /**
     * The first byte; NULL when there are none. Text is followed by a NUL that is not counted.
     */
    const uint8_t *data;
    /**
     * How many there are.
     */
    size_t size;
    /**
     * For the library alone.
     */
    void *owner;
} prostream_bytes;

/**
 * Names a live engine; never 0.
 */
typedef uint64_t prostream_engine;

/**
 * Names a live presentation; never 0.
 */
typedef uint64_t prostream_presentation;

/**
 * It worked.
 */
#define PROSTREAM_OK 0

/**
 * An argument makes no sense: NULL, not UTF-8, a malformed id, an option out of its range.
 */
#define PROSTREAM_INVALID_INPUT 1

/**
 * A credential is missing, wrong or expired.
 */
#define PROSTREAM_UNAUTHORIZED 2

/**
 * The other side asked us to slow down.
 */
#define PROSTREAM_RATE_LIMITED 3

/**
 * It does not exist: a title, a file, a segment beyond the end.
 */
#define PROSTREAM_NOT_FOUND 4

/**
 * A policy forbids it: an address that may not be reached, a path outside the library.
 */
#define PROSTREAM_FORBIDDEN 5

/**
 * The other side is down or cannot be reached just now.
 */
#define PROSTREAM_UNAVAILABLE 6

/**
 * The time given was not enough.
 */
#define PROSTREAM_TIMED_OUT 7

/**
 * The service refuses this content.
 */
#define PROSTREAM_REFUSED 8

/**
 * A container or codec that cannot be packaged.
 */
#define PROSTREAM_UNSUPPORTED 9

/**
 * Bytes from outside break their own format.
 */
#define PROSTREAM_MALFORMED 10

/**
 * A documented limit was reached.
 */
#define PROSTREAM_LIMIT_EXCEEDED 11

/**
 * The service has to fetch it first.
 */
#define PROSTREAM_NOT_CACHED 12

/**
 * The file behind a link is no longer the file that was opened.
 */
#define PROSTREAM_SOURCE_CHANGED 13

/**
 * The account is expired, out of quota, or on a plan that does not include this.
 */
#define PROSTREAM_ACCOUNT_LIMIT 14

/**
 * The caller gave up.
 */
#define PROSTREAM_CANCELLED 15

/**
 * More than one answer fits: choose.
 */
#define PROSTREAM_AMBIGUOUS 16

/**
 * Reading or writing on this machine failed.
 */
#define PROSTREAM_STORAGE 17

/**
 * A defect of the library.
 */
#define PROSTREAM_INTERNAL 18

/**
 * The service refuses this machine's address.
 */
#define PROSTREAM_ADDRESS_REFUSED 19

/**
 * A handle that was never given out, was freed, or is of another type.
 */
#define PROSTREAM_INVALID_HANDLE 100

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library, such as "0.1.0".
 *
 * @return never NULL; valid for ever; not to be freed.
 */
const char *prostream_version(void);

/**
 * The version of the ABI that the library was built with: compare it with PROSTREAM_ABI_VERSION of the header.
 */
uint32_t prostream_abi_version(void);

/**
 * What went wrong in the last call of this thread that did not return PROSTREAM_OK, with advice, in English, for people.
 *
 * @return never NULL; empty before the first failure. Valid until the next call into the library on the same thread, or the thread's
 *         end; not to be freed.
 */
const char *prostream_last_error(void);

/**
 * The short name of a status, such as "not_found".
 *
 * @return never NULL; "unknown" for a number that is none. Valid for ever; not to be freed.
 */
const char *prostream_status_name(prostream_status status);

/**
 * Gives bytes back and clears the struct, so that a second call with it does nothing.
 *
 * @param bytes NULL, or a struct that a function of the library filled, or one of zeros.
 * @pre `bytes` is NULL or points to such a struct; no other thread uses it meanwhile.
 */
prostream_status prostream_bytes_free(struct prostream_bytes *bytes);

/**
 * Makes an engine. It owns two threads and a pool of connections: make one and keep it.
 *
 * @param config_json NULL for the defaults, or a JSON object with any of: "data_file" (path of the records), "library" (folders whose files
 *                    may be opened; without it any file), "outbound_allow" (["host:port"], exceptions to the rule that only public
 *                    addresses are reached), "metadata", "indexers", "debrid" (lists of objects with "vendor" and its settings), "preferences".
 * @param out_engine  not NULL; written only on PROSTREAM_OK.
 * @pre `config_json` is NULL or points to a NUL-terminated string, `out_engine` to writable memory.
 */
prostream_status prostream_engine_new(const char *config_json,
                                      prostream_engine *out_engine);

/**
 * Frees an engine. Presentations that it opened stay usable until they are freed; its threads end with the last of them.
 *
 * @param engine a live engine handle; a stale or wrong one is PROSTREAM_INVALID_HANDLE.
 */
prostream_status prostream_engine_free(prostream_engine engine);

/**
 * Finds what would be played for a title, and waits for it. The answer is a JSON object: "media_id", "name", "releases" (best first, each
 * with "release", "name", "score", "reasons"), "rejected" (with "reason"), "is_partial". It holds no secret.
 *
 * @param engine     a live engine handle.
 * @param media_id   such as "tt0133093" or "tt0944947:1:2".
 * @param timeout_ms milliseconds; 0 means 30 s.
 * @param out_json   not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
 * @pre `media_id` points to a NUL-terminated string, `out_json` to writable memory.
 */
prostream_status prostream_resolve(prostream_engine engine,
                                   const char *media_id,
                                   uint32_t timeout_ms,
                                   struct prostream_bytes *out_json);

/**
 * Opens a title for playing, the whole way from its name to its bytes, and waits for it.
 *
 * @param engine     a live engine handle.
 * @param media_id   such as "tt0133093" or "tt0944947:1:2".
 * @param release    NULL for the best one, or a "release" of prostream_resolve.
 * @param device     NULL for a player that takes everything, or a profile: any, chromium, firefox, safari, apple_tv, android_tv, mpv, vlc, ffplay, or the
 *                   JSON of one.
 * @param timeout_ms milliseconds; 0 means 30 s.
 * @param out_presentation not NULL; written only on PROSTREAM_OK.
 * @pre Texts are NULL where that is allowed or NUL-terminated; `out_presentation` points to writable memory.
 */
prostream_status prostream_open_title(prostream_engine engine,
                                      const char *media_id,
                                      const char *release,
                                      const char *device,
                                      uint32_t timeout_ms,
                                      prostream_presentation *out_presentation);

/**
 * Opens a file of this machine, or an http or https link, and waits for it.
 *
 * @param engine     a live engine handle.
 * @param path_or_url a path, or an address that begins with http:// or https://.
 * @param device     as for prostream_open_title.
 * @param timeout_ms milliseconds; 0 means 30 s.
 * @param out_presentation not NULL; written only on PROSTREAM_OK.
 * @pre As for prostream_open_title.
 */
prostream_status prostream_open(prostream_engine engine,
                                const char *path_or_url,
                                const char *device,
                                uint32_t timeout_ms,
                                prostream_presentation *out_presentation);

/**
 * Frees a presentation. Bytes that it gave stay valid until they are given back.
 *
 * @param presentation a live presentation handle; a stale or wrong one is PROSTREAM_INVALID_HANDLE.
 */
prostream_status prostream_presentation_free(prostream_presentation presentation);

/**
 * Says what a presentation holds, as a JSON object: "segment_count", "variant_id", "renditions" (in order, each with "name", "kind",
 * "codec", "language", "segment_durations_s"), "tracks" (all of the file).
 *
 * @param presentation a live presentation handle.
 * @param out_json     not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
 * @pre `out_json` points to writable memory.
 */
prostream_status prostream_describe(prostream_presentation presentation,
                                    struct prostream_bytes *out_json);

/**
 * The multivariant playlist. Its addresses are relative, such as "p3c1/video-1/index.m3u8": prostream_read takes each of them.
 *
 * @param presentation a live presentation handle.
 * @param out_text     not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
 * @pre `out_text` points to writable memory.
 */
prostream_status prostream_playlist(prostream_presentation presentation,
                                    struct prostream_bytes *out_text);

/**
 * The media playlist of one rendition.
 *
 * @param presentation    a live presentation handle.
 * @param rendition_index from 0, in the order of prostream_describe; PROSTREAM_NOT_FOUND beyond the last.
 * @param out_text        not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
 * @pre `out_text` points to writable memory.
 */
prostream_status prostream_media_playlist(prostream_presentation presentation,
                                          uint32_t rendition_index,
                                          struct prostream_bytes *out_text);

/**
 * The init segment of one rendition; empty for subtitles.
 *
 * @param presentation    a live presentation handle.
 * @param rendition_index from 0, in the order of prostream_describe; PROSTREAM_NOT_FOUND beyond the last.
 * @param out_bytes       not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
 * @pre `out_bytes` points to writable memory.
 */
prostream_status prostream_init_segment(prostream_presentation presentation,
                                        uint32_t rendition_index,
                                        struct prostream_bytes *out_bytes);

/**
 * One segment of one rendition, whole. Waits for its bytes, at most a minute.
 *
 * @param presentation    a live presentation handle.
 * @param rendition_index from 0, in the order of prostream_describe.
 * @param segment_index   from 0; PROSTREAM_NOT_FOUND beyond the last.
 * @param out_bytes       not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
 * @pre `out_bytes` points to writable memory.
 */
prostream_status prostream_segment(prostream_presentation presentation,
                                   uint32_t rendition_index,
                                   uint32_t segment_index,
                                   struct prostream_bytes *out_bytes);

/**
 * Whatever a playlist names, by its relative address: "main.m3u8", "p3c1/video-1/index.m3u8", "p3c1/video-1/init.mp4",
 * "p3c1/video-1/12.m4s", "p3c1/text-3/12.vtt". For programs that answer a player's requests themselves.
 *
 * @param presentation a live presentation handle.
 * @param name         relative to the multivariant playlist.
 * @param out_bytes    not NULL; written only on PROSTREAM_OK; to be given back with prostream_bytes_free.
 * @pre `name` points to a NUL-terminated string, `out_bytes` to writable memory.
 */
prostream_status prostream_read(prostream_presentation presentation,
                                const char *name,
                                struct prostream_bytes *out_bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PROSTREAM_H */
