/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * post.c - work that any thread gives to the one that serves a context.
 *
 * A list under a lock of its own, and an eventfd on the loop, made with the first post: who posts
 * needs nothing else of the context and waits for nobody. A call is a post whose author waits for
 * what it returns. What was accepted is run; when the context ends, those who wait hear of that.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ctx.h"
#include "base/eventfd.h"

struct post {
	struct post *next;
	void (*fn)(void *arg);
	void *arg;
	struct call *call; /* NULL: nobody waits */
};

struct call {
	struct post post;
	int (*fn)(void *arg);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool is_over;
	int ret;
};

/* ---- who serves ------------------------------------------------------------------- */

_Thread_local SERVING_TLS struct serving *serving_now;

static bool is_serving(const struct loop *loop)
{
	const struct serving *s = serving_now;

	while (s && s->loop != loop)
		s = s->outer;
	return s;
}

/* ---- running ---------------------------------------------------------------------- */

/* All that there are now; what these post comes in another turn. */
static struct post *posts_take(struct loop *loop, bool close)
{
	struct post *first;
	uint64_t count;
	ssize_t ret;

	pthread_mutex_lock(&loop->post_lock);
	first = loop->posts;
	loop->posts = NULL;
	loop->posts_end = &loop->posts;
	loop->posts_closed |= close;
	if (loop->post_source.fd >= 0) {
		ret = read(loop->post_source.fd, &count, sizeof(count));
		(void)ret;
	}
	pthread_mutex_unlock(&loop->post_lock);
	return first;
}

static void call_end(struct call *c, int ret)
{
	pthread_mutex_lock(&c->lock);
	c->ret = ret;
	c->is_over = true;
	pthread_cond_signal(&c->ended);
	pthread_mutex_unlock(&c->lock);
}

/* @err: they are not run, and who waits gets this; 0: they are. */
static void posts_do(struct post *post, int err)
{
	while (post) {
		struct post *next = post->next; /* a call's is gone when that has ended */

		if (post->call) {
			struct call *c = post->call;

			call_end(c, err ?: c->fn(c->arg));
		} else {
			if (!err)
				post->fn(post->arg);
			free(post);
		}
		post = next;
	}
}

/* ---- posting ---------------------------------------------------------------------- */

static void posts_ready(struct source *src, uint32_t events)
{
	posts_do(posts_take(container_of(src, struct loop, post_source), false), 0);
}

static int post_source_make(struct loop *loop)
{
	struct source *src = &loop->post_source;
	int ret;

	if (src->fd >= 0)
		return 0;
	src->fn = posts_ready;
	src->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (src->fd < 0)
		return -errno;
	ret = loop_add(loop, src, EPOLLIN);
	if (ret) {
		close(src->fd);
		src->fd = -1;
	}
	return ret;
}

static int post_add(struct loop *loop, struct post *post)
{
	int ret;

	pthread_mutex_lock(&loop->post_lock);
	ret = loop->posts_closed ? -ESHUTDOWN : post_source_make(loop);
	if (!ret) {
		*loop->posts_end = post;
		loop->posts_end = &post->next;
		eventfd_kick(loop->post_source.fd);
	}
	pthread_mutex_unlock(&loop->post_lock);
	return ret;
}

LM_EXPORT int lm_post(lm_ctx_t *ctx, void (*fn)(void *arg), void *arg)
{
	struct post *post = calloc(1, sizeof(*post));
	int ret;

	if (!post)
		return -ENOMEM;
	post->fn = fn;
	post->arg = arg;
	ret = post_add(&ctx->loop, post);
	if (ret)
		free(post);
	return ret;
}

LM_EXPORT int lm_ctx_call(lm_ctx_t *ctx, int (*fn)(void *arg), void *arg)
{
	struct call c = { .fn = fn, .arg = arg };
	int ret;

	if (is_serving(&ctx->loop))
		return -EDEADLK;
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.ended, NULL);
	c.post.call = &c;
	ret = post_add(&ctx->loop, &c.post);
	if (!ret) {
		pthread_mutex_lock(&c.lock);
		while (!c.is_over)
			pthread_cond_wait(&c.ended, &c.lock);
		ret = c.ret;
		pthread_mutex_unlock(&c.lock);
	}
	pthread_cond_destroy(&c.ended);
	pthread_mutex_destroy(&c.lock);
	return ret;
}

/* ---- life ------------------------------------------------------------------------- */

void posts_close(struct loop *loop)
{
	posts_do(posts_take(loop, true), 0);
}

void posts_init(struct loop *loop)
{
	loop->post_source.fd = -1;
	loop->posts_end = &loop->posts;
	pthread_mutex_init(&loop->post_lock, NULL);
}

void posts_free(struct loop *loop)
{
	posts_do(posts_take(loop, true), -ESHUTDOWN);
	if (loop->post_source.fd >= 0)
		close(loop->post_source.fd);
	pthread_mutex_destroy(&loop->post_lock);
}
