/*
 * Everything a player needs of a film, through the C interface: the multivariant playlist on standard output, then the init segment
 * and all segments of every rendition.
 *
 *   play FILE_OR_URL [FOLDER]
 *
 * With FOLDER, which must exist, each video and audio rendition is written there as one playable file, rendition-0.mp4 and so on, and
 * each segment of subtitles as a file of its own, rendition-3-0.vtt. Exit code 1 on any failure.
 *
 *   cc play.c $(pkg-config --cflags --libs prostream) -o play
 */
#include <prostream.h>
#include <stdio.h>
#include <stdlib.h>

/* Says what went wrong; 0 when nothing did. */
static int failed(prostream_status status, const char *what)
{
    if (status == PROSTREAM_OK)
        return 0;
    fprintf(stderr, "play: %s: %s: %s\n", what, prostream_status_name(status), prostream_last_error());
    return 1;
}

/* Opens FOLDER/rendition-R.mp4, or FOLDER/rendition-R-S.vtt. NULL without a folder, and when the file cannot be opened. */
static FILE *create(const char *folder, uint32_t rendition, const uint32_t *text_segment)
{
    char path[4096];
    int length;
    FILE *file;

    if (folder == NULL)
        return NULL;
    if (text_segment != NULL)
        length = snprintf(path, sizeof path, "%s/rendition-%u-%u.vtt", folder, (unsigned)rendition, (unsigned)*text_segment);
    else
        length = snprintf(path, sizeof path, "%s/rendition-%u.mp4", folder, (unsigned)rendition);
    if (length < 0 || (size_t)length >= sizeof path) {
        fprintf(stderr, "play: the name of the folder is too long\n");
        return NULL;
    }
    file = fopen(path, "wb");
    if (file == NULL)
        perror(path);
    return file;
}

/* Writes bytes where there is a file for them, and gives them back to the library. */
static int take(prostream_bytes *bytes, FILE *file)
{
    int result = 0;

    if (file != NULL && bytes->size != 0 && fwrite(bytes->data, 1, bytes->size, file) != bytes->size) {
        perror("play: write");
        result = 1;
    }
    prostream_bytes_free(bytes);
    return result;
}

/* Closes a file; what could not be written until now shows here. */
static int finish(FILE *file)
{
    if (file != NULL && fclose(file) != 0) {
        perror("play: write");
        return 1;
    }
    return 0;
}

/* Reads one rendition to its end. */
static int play_rendition(prostream_presentation film, uint32_t rendition, const prostream_bytes *init, const char *folder)
{
    const int is_text = init->size == 0;
    FILE *file = NULL;
    prostream_bytes bytes = {NULL, 0, NULL};
    uint64_t size = init->size;
    uint32_t segment = 0;
    int result = 0;

    if (folder != NULL && !is_text) {
        file = create(folder, rendition, NULL);
        if (file == NULL || fwrite(init->data, 1, init->size, file) != init->size)
            result = 1;
    }
    while (result == 0) {
        prostream_status status = prostream_segment(film, rendition, segment, &bytes);
        if (status == PROSTREAM_NOT_FOUND)
            break; /* beyond the last */
        if (failed(status, "read segment"))
            return finish(file), 1;
        size += bytes.size;
        if (folder != NULL && is_text) {
            FILE *text = create(folder, rendition, &segment);
            result = text == NULL;
            result |= take(&bytes, text);
            result |= finish(text);
        } else {
            result = take(&bytes, file);
        }
        segment++;
    }
    if (result == 0)
        fprintf(stderr, "rendition %u: %u segments, %llu bytes\n", (unsigned)rendition, (unsigned)segment, (unsigned long long)size);
    return finish(file) | result;
}

static int play(prostream_presentation film, const char *folder)
{
    prostream_bytes bytes = {NULL, 0, NULL};
    uint32_t rendition;
    int result;

    if (failed(prostream_playlist(film, &bytes), "make playlist"))
        return 1;
    if (take(&bytes, stdout))
        return 1;
    for (rendition = 0;; rendition++) {
        prostream_status status = prostream_init_segment(film, rendition, &bytes);
        if (status == PROSTREAM_NOT_FOUND)
            return 0; /* beyond the last */
        if (failed(status, "read init segment"))
            return 1;
        result = play_rendition(film, rendition, &bytes, folder);
        prostream_bytes_free(&bytes);
        if (result != 0)
            return result;
    }
}

int main(int argument_count, char **arguments)
{
    const char *folder = argument_count > 2 ? arguments[2] : NULL;
    prostream_engine engine = 0;
    prostream_presentation film = 0;
    int result;

    if (argument_count < 2 || argument_count > 3) {
        fprintf(stderr, "usage: play FILE_OR_URL [FOLDER]\n");
        return EXIT_FAILURE;
    }
    if (prostream_abi_version() != PROSTREAM_ABI_VERSION) {
        fprintf(stderr, "play: built for another version of the library than %s\n", prostream_version());
        return EXIT_FAILURE;
    }
    if (failed(prostream_engine_new(NULL, &engine), "start"))
        return EXIT_FAILURE;
    result = failed(prostream_open(engine, arguments[1], NULL, 0, &film), arguments[1]);
    if (result == 0)
        result = play(film, folder);
    if (film != 0)
        prostream_presentation_free(film);
    prostream_engine_free(engine);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
