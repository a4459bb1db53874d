/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server.h - what server.c and exchange.c share.
 */
#ifndef MUSER_SERVER_H
#define MUSER_SERVER_H

struct file;

int server_exchange(struct file *file, void *arg); /* struct muser_exchange */

#endif /* MUSER_SERVER_H */
