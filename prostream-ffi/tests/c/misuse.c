/*
 * Everything a program may get wrong, and eight threads that get it right: each call must answer with a status, and none may crash,
 * leak or write to an output when it fails.
 *
 *   misuse FILE
 */
#include <prostream.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREAD_COUNT = 8, ROUND_COUNT = 3 };

static int failure_count = 0;

/* Only the main thread checks with these. */
#define EXPECT(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition, prostream_last_error()); \
            failure_count++; \
        } \
    } while (0)

/* The call fails with this status, says something, and leaves the output alone. */
#define EXPECT_FAILURE(expected, call, output) \
    do { \
        unsigned char before[sizeof(output)]; \
        memcpy(before, &(output), sizeof(output)); \
        EXPECT((call) == (expected)); \
        EXPECT(prostream_last_error()[0] != '\0'); \
        EXPECT(memcmp(before, &(output), sizeof(output)) == 0); \
    } while (0)

static const char NOT_UTF8[] = "\xc3\x28";

static void check_names(void)
{
    EXPECT(prostream_abi_version() == PROSTREAM_ABI_VERSION);
    EXPECT(prostream_version()[0] != '\0');
    EXPECT(strcmp(prostream_status_name(PROSTREAM_OK), "ok") == 0);
    EXPECT(strcmp(prostream_status_name(PROSTREAM_INVALID_HANDLE), "invalid_handle") == 0);
    EXPECT(strcmp(prostream_status_name(-1), "unknown") == 0);
    EXPECT(strcmp(prostream_last_error(), "") == 0);
}

static void check_engine_arguments(void)
{
    prostream_engine engine = 77;

    EXPECT(prostream_engine_new(NULL, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_engine_new("", &engine), engine);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_engine_new("{", &engine), engine);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_engine_new("{\"no_such_setting\":1}", &engine), engine);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_engine_new(NOT_UTF8, &engine), engine);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_engine_new("{\"outbound_allow\":[\"nonsense\"]}", &engine), engine);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_engine_free(0), engine);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_engine_free(UINT64_MAX), engine);
}

static void check_open_arguments(prostream_engine engine, const char *file)
{
    prostream_presentation film = 77;
    prostream_bytes bytes = {NULL, 0, NULL};

    EXPECT(prostream_open(engine, file, NULL, 0, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_open(engine, NULL, NULL, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_open(engine, NOT_UTF8, NULL, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_open(engine, file, "no such device", 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_open(engine, file, NOT_UTF8, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_open(engine, "http://", NULL, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_NOT_FOUND, prostream_open(engine, "/no/such/film.mkv", NULL, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_UNSUPPORTED, prostream_open(engine, __FILE__, NULL, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_FORBIDDEN, prostream_open(engine, "http://127.0.0.1:9/film.mkv", NULL, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_open(engine + 1000000, file, NULL, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_resolve(engine, "not an id", 0, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_resolve(engine, NULL, 0, &bytes), bytes);
    EXPECT(prostream_resolve(engine, "tt0133093", 0, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT(prostream_resolve(engine, "tt0133093", 0, &bytes) != PROSTREAM_OK);
    EXPECT(prostream_open_title(engine, "tt0133093", NULL, NULL, 0, &film) != PROSTREAM_OK);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_open_title(engine, NULL, NULL, NULL, 0, &film), film);
    EXPECT(prostream_open_title(engine, "tt0133093", NULL, NULL, 0, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT(film == 77 && bytes.owner == NULL);
}

static void check_reading(prostream_presentation film)
{
    prostream_bytes bytes = {NULL, 0, NULL};
    prostream_bytes same = {NULL, 0, NULL};

    EXPECT(prostream_playlist(film, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT(prostream_describe(film, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT(prostream_media_playlist(film, 0, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT(prostream_init_segment(film, 0, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT(prostream_segment(film, 0, 0, NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT(prostream_read(film, "main.m3u8", NULL) == PROSTREAM_INVALID_INPUT);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_read(film, NULL, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_INVALID_INPUT, prostream_read(film, NOT_UTF8, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_NOT_FOUND, prostream_read(film, "../../etc/passwd", &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_NOT_FOUND, prostream_read(film, "", &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_NOT_FOUND, prostream_media_playlist(film, 1000, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_NOT_FOUND, prostream_init_segment(film, UINT32_MAX, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_NOT_FOUND, prostream_segment(film, 0, UINT32_MAX, &bytes), bytes);

    /* Text ends with a NUL that is not counted. */
    EXPECT(prostream_describe(film, &bytes) == PROSTREAM_OK);
    EXPECT(bytes.data != NULL && strlen((const char *)bytes.data) == bytes.size);
    EXPECT(bytes.data != NULL && strstr((const char *)bytes.data, "\"renditions\"") != NULL);
    EXPECT(prostream_bytes_free(&bytes) == PROSTREAM_OK);
    EXPECT(prostream_media_playlist(film, 0, &bytes) == PROSTREAM_OK);
    EXPECT(bytes.data != NULL && strstr((const char *)bytes.data, "#EXT-X-ENDLIST") != NULL);
    EXPECT(prostream_bytes_free(&bytes) == PROSTREAM_OK);

    /* The same bytes by name; giving bytes back twice does nothing. */
    EXPECT(prostream_playlist(film, &bytes) == PROSTREAM_OK);
    EXPECT(prostream_read(film, "main.m3u8", &same) == PROSTREAM_OK);
    EXPECT(bytes.size != 0 && bytes.size == same.size && memcmp(bytes.data, same.data, bytes.size) == 0);
    EXPECT(prostream_bytes_free(&bytes) == PROSTREAM_OK);
    EXPECT(bytes.data == NULL && bytes.size == 0 && bytes.owner == NULL);
    EXPECT(prostream_bytes_free(&bytes) == PROSTREAM_OK);
    EXPECT(prostream_bytes_free(&same) == PROSTREAM_OK);
    EXPECT(prostream_bytes_free(NULL) == PROSTREAM_OK);
}

/* What one thread does: its own engine, and the film that all share. */
struct work {
    const char *file;
    prostream_presentation shared;
    int failure_count;
};

static void *create_use_destroy(void *argument)
{
    struct work *work = (struct work *)argument;
    int round;

    for (round = 0; round < ROUND_COUNT; round++) {
        prostream_engine engine = 0;
        prostream_presentation film = 0;
        prostream_bytes own = {NULL, 0, NULL};
        prostream_bytes shared = {NULL, 0, NULL};

        work->failure_count += prostream_engine_new(NULL, &engine) != PROSTREAM_OK;
        work->failure_count += prostream_open(engine, work->file, "chromium", 0, &film) != PROSTREAM_OK;
        /* A presentation outlives the handle of its engine. */
        work->failure_count += prostream_engine_free(engine) != PROSTREAM_OK;
        work->failure_count += prostream_segment(film, 0, (uint32_t)round, &own) != PROSTREAM_OK;
        work->failure_count += prostream_segment(work->shared, 0, (uint32_t)round, &shared) != PROSTREAM_OK;
        work->failure_count += prostream_presentation_free(film) != PROSTREAM_OK;
        /* Bytes outlive their presentation, and are the same whoever asked. */
        work->failure_count += own.size == 0 || own.size != shared.size || memcmp(own.data, shared.data, own.size) != 0;
        /* Errors belong to the thread that made them. */
        work->failure_count += prostream_presentation_free(film) != PROSTREAM_INVALID_HANDLE;
        work->failure_count += strcmp(prostream_last_error(), "not a live presentation handle") != 0;
        prostream_bytes_free(&own);
        prostream_bytes_free(&shared);
    }
    return NULL;
}

static void check_threads(const char *file, prostream_presentation film)
{
    pthread_t threads[THREAD_COUNT];
    struct work work[THREAD_COUNT];
    int started = 0;
    int i;

    for (i = 0; i < THREAD_COUNT; i++) {
        work[i].file = file;
        work[i].shared = film;
        work[i].failure_count = 0;
        if (pthread_create(&threads[i], NULL, create_use_destroy, &work[i]) != 0)
            break;
        started++;
    }
    EXPECT(started == THREAD_COUNT);
    for (i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        EXPECT(work[i].failure_count == 0);
    }
}

int main(int argument_count, char **arguments)
{
    prostream_engine engine = 0;
    prostream_presentation film = 0;
    prostream_bytes bytes = {NULL, 0, NULL};

    if (argument_count != 2) {
        fprintf(stderr, "usage: misuse FILE\n");
        return EXIT_FAILURE;
    }
    check_names();
    check_engine_arguments();
    EXPECT(prostream_engine_new("{}", &engine) == PROSTREAM_OK);
    EXPECT(engine != 0);
    check_open_arguments(engine, arguments[1]);
    EXPECT(prostream_open(engine, arguments[1], NULL, 60000, &film) == PROSTREAM_OK);
    EXPECT(film != 0);
    check_reading(film);
    check_threads(arguments[1], film);

    /* Handles of another kind, and freed ones. */
    EXPECT(prostream_engine_free(film) == PROSTREAM_INVALID_HANDLE);
    EXPECT(prostream_presentation_free(engine) == PROSTREAM_INVALID_HANDLE);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_playlist(engine, &bytes), bytes);
    EXPECT(prostream_presentation_free(film) == PROSTREAM_OK);
    EXPECT(prostream_presentation_free(film) == PROSTREAM_INVALID_HANDLE);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_playlist(film, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_describe(film, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_media_playlist(film, 0, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_init_segment(film, 0, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_segment(film, 0, 0, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_read(film, "main.m3u8", &bytes), bytes);
    EXPECT(prostream_engine_free(engine) == PROSTREAM_OK);
    EXPECT(prostream_engine_free(engine) == PROSTREAM_INVALID_HANDLE);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_open(engine, arguments[1], NULL, 0, &film), film);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_resolve(engine, "tt0133093", 0, &bytes), bytes);
    EXPECT_FAILURE(PROSTREAM_INVALID_HANDLE, prostream_open_title(engine, "tt0133093", NULL, NULL, 0, &film), film);

    if (failure_count != 0) {
        fprintf(stderr, "misuse: %d expectations failed\n", failure_count);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
