/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * utf8.h - UTF-8, whatever the locale.
 */
#ifndef LM_UTF8_H
#define LM_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode the sequence at @text, within @left bytes: its length; 0: there is none (RFC 3629). */
size_t utf8_decode(const char *text, size_t left, uint32_t *code);

/* 1 to @max bytes of UTF-8 that fill one cell of a table: no blank, nothing that controls. */
bool utf8_is_word(const char *text, size_t max);

/* UTF-8 without anything that controls, a line break too: it is the same again when it has been
 * JSON or a line. May be empty. */
bool utf8_is_line(const char *text);

#endif /* LM_UTF8_H */
