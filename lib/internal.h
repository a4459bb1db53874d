/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * internal.h - what the files of lib/ share. Prototypes stand under the file that owns them;
 * a struct that only one file knows is opaque here. Nothing here is exported.
 */
#ifndef LM_INTERNAL_H
#define LM_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "muser.h"
#include "muser-trace.h"
#include "host.h"
#include "sockpath.h"

#define LM_EXPORT  __attribute__((visibility("default")))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define NS_PER_MS   1000000ull
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* True if [off, off + len) does not lie in [0, size): the one bounds check. */
static inline bool out_of_range(uint64_t off, uint64_t len, uint64_t size)
{
	return off > size || len > size - off;
}

/* Do two ranges have a byte in common? Both end below 2^64. */
static inline bool overlaps(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* @to: a power of two. */
static inline uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static inline bool all_zero(const void *p, size_t len)
{
	const char *c = p;

	while (len && !*c) {
		c++;
		len--;
	}
	return !len;
}

static inline uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

struct lm_ctx;
struct access;
struct threads;
struct dma_last;

/* ---- loop.c: one epoll set, timers, watches -------------------------------------- */

struct source {
	int fd;
	void (*fn)(struct source *src, uint32_t events);
};

struct loop {
	int epfd;
	int nr_ready;                  /* events of this turn ... */
	int next_ready;                /* ... and the next to be served */
	struct epoll_event ready[16];
	struct lm_timer *timers;
	struct lm_watch *watches;
	struct source timer_source;    /* one timerfd, made with the first timer */
	struct source stop;            /* an eventfd */
	atomic_bool   stopped;
	pthread_mutex_t *lock;         /* of the context, free while we sleep; NULL: one thread */
};

static inline void loop_lock(const struct loop *loop)
{
	if (unlikely(loop->lock))
		pthread_mutex_lock(loop->lock);
}

static inline void loop_unlock(const struct loop *loop)
{
	if (unlikely(loop->lock))
		pthread_mutex_unlock(loop->lock);
}

void loop_init(struct loop *loop); /* loop_free() may follow, as it may a loop_new() that fails */
int  loop_new(struct loop *loop);
void loop_free(struct loop *loop);
/* From any thread, or a signal handler: every turn ends at once from now on. */
void loop_stop(struct loop *loop);
static inline bool loop_is_stopped(const struct loop *loop)
{
	return atomic_load(&loop->stopped);
}
int  loop_add(struct loop *loop, struct source *src, uint32_t events);
int  loop_modify(struct loop *loop, struct source *src, uint32_t events);
void loop_remove(struct loop *loop, struct source *src); /* also while its turn is served */
int  loop_run(struct loop *loop, int timeout_ms);        /* sources served, or -errno */
uint64_t loop_now_ns(void); /* CLOCK_MONOTONIC, that of timers */
/* Armed and freed like a device's own. */
int  loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg, struct lm_timer **timer);

/* ---- ctx.c ----------------------------------------------------------------------- */

/*
 * Work is counted in units of about a microsecond, where it is done: a message or an access, what
 * there is to be copied, vectors, resets, waits. When a client's turn has come to TURN_MAX of it,
 * what is left waits for the next one; and whoever knows what comes next without epoll lets the
 * other sources have a turn.
 */
#define TURN_MAX        1024u
#define DMA_WORK        8u /* of memory that is mapped or unmapped: system calls, mostly */
#define TURN_OVER       1u /* what there is has been work */
#define LOOP_LOOK_TURNS 256u /* the same after so many turns in which there was nothing to do */

#define LOG_LIMITS 16

/* log.c: messages that peers can cause at will. */
struct log_limits {
	uint64_t period_ns; /* of each there is one in so long, and those left out are counted */
	struct log_limit { const char *fmt; uint64_t last_ns, left_out; } of[LOG_LIMITS];
};

struct lm_ctx {
	lm_dev_info_t       info;     /* own copy, defaults filled in (info.c) */
	char                uuid[37];
	struct loop         loop;
	int                 ended;    /* -errno once the only client has left */
	const struct host  *host;     /* what drives the device has beside messages */
	uint64_t            work;     /* done so far ... */
	uint64_t            turn_end; /* ... when a client's turn is over; 0: it is nobody's */
	uint64_t            looked;   /* ... when epoll was last asked; BUSY_POLL, exchange */
	struct kept        *kept;     /* kept.c; NULL: nothing is */
	struct regions     *regions;  /* region.c */
	struct config      *config;   /* config.c */
	struct irqs        *irqs;     /* irq.c */
	struct lent_kick   *lent_kicks; /* kick.c: eventfds that the client was given */
	struct dma         *dma;      /* dma.c */
	struct dma_last    *last;     /* the same: the last lookup, or one that never hits */
	struct threads     *threads;  /* threads.c; NULL: one at a time */
	_Atomic(struct trace *) trace; /* trace.c; NULL: nobody traces */
	struct trace       *trace_kept; /* the same, also when nobody traces */
	struct control     *control;  /* control.c; NULL: LM_DEV_NO_CONTROL */
	struct instance    *instance; /* instance.c; NULL: LM_DEV_NO_CONTROL */
	struct server      *server;   /* server.c: listener and client */
	struct log_limits   log_limits; /* log.c */
	uint32_t            nr_traps; /* trap.c: regions that have some */
	bool                traps_due; /* the device is to be told ... */
	uint16_t            traps_after; /* ... after the message without a reply of this id */
	uint64_t            turn_ticks; /* traced: when the last request of this turn ended; or 0 */
	struct deferral    *running;  /* requests whose callbacks are running, innermost first */
	struct deferral    *deferred; /* requests that wait for lm_complete() */
	lm_token_t          last_token;
	/* Given by parts that those below do not know; NULL: nobody wants to hear of it. */
	void              (*on_event)(struct lm_ctx *ctx, const char *kind, const char *name,
				      uint64_t value); /* see ctx_notify() */
	void              (*on_traps)(struct lm_ctx *ctx); /* other pages are trapped now */
	uint64_t            refused;  /* accesses of clients that failed without an error */
};

/* To whoever listens. @kind: attach, detach, reset, event; @name: of the event, or NULL */
static inline void ctx_notify(struct lm_ctx *ctx, const char *kind, const char *name,
			      uint64_t value)
{
	if (ctx->on_event)
		ctx->on_event(ctx, kind, name, value);
}

/* By the thread that serves the context. */
static inline void work_add(struct lm_ctx *ctx, uint64_t units)
{
	ctx->work += units;
}

/* ---- threads.c: LM_DEV_THREADS --------------------------------------------------- */

int  threads_new(struct lm_ctx *ctx);
void threads_free(struct lm_ctx *ctx);
int  threads_drive(struct lm_ctx *ctx); /* -ESHUTDOWN: it was stopped */
int  threads_poll(struct lm_ctx *ctx);

/* The state of the context, for calls that may come from a callback on any thread. It nests. */
static inline void ctx_lock(const struct lm_ctx *ctx)
{
	loop_lock(&ctx->loop);
}

static inline void ctx_unlock(const struct lm_ctx *ctx)
{
	loop_unlock(&ctx->loop);
}

/* ---- kept.c: state that outlives the process ------------------------------------- */

enum kept_kind {
	KEPT_CONFIG, KEPT_MSIX, KEPT_IRQ, KEPT_REGISTERS,
	KEPT_DEVICE, /* lm_state() */
	KEPT_NR,
};

/* LM_DEV_RESTARTABLE: as the last process left it. @size: of each part, in bytes. */
int   kept_new(struct lm_ctx *ctx, const uint64_t size[KEPT_NR]);
void  kept_free(struct lm_ctx *ctx);
void  kept_commit(struct lm_ctx *ctx); /* the device is complete: from now on it counts */
void  kept_seal(struct lm_ctx *ctx);   /* what changes from now on is not kept */
bool  kept_is_old(const struct lm_ctx *ctx);
/* The whole part, or NULL. Zero at first. */
void *kept_part(const struct lm_ctx *ctx, enum kept_kind kind);
void *kept_device(const struct lm_ctx *ctx); /* lm_state(), also of others */
/* The next @nr values of KEPT_REGISTERS, or NULL. */
uint64_t *kept_registers(struct lm_ctx *ctx, uint32_t nr);

/* ---- defer.c: requests that a callback may answer later -------------------------- */

struct deferral {
	/* Optional: take the bytes of a read; from lm_complete(), also inside the callback. */
	void (*take)(struct deferral *d, ssize_t result, const void *data);
	/* The answer, when it comes after the callback has returned. */
	void (*done)(struct lm_ctx *ctx, struct deferral *d, ssize_t result);
	lm_token_t       token;    /* not 0: waits */
	ssize_t          result;
	bool             answered; /* lm_complete() inside the callback */
	struct deferral *next;
};

enum defer_state {
	DEFER_NO,       /* the callback did not defer: its return value counts */
	DEFER_WAITING,  /* done() will be called */
	DEFER_ANSWERED, /* d->result counts: completed before the callback returned */
};

void defer_begin(struct lm_ctx *ctx, struct deferral *d);           /* before a callback */
enum defer_state defer_end(struct lm_ctx *ctx, struct deferral *d); /* after it */
void defer_cancel(struct lm_ctx *ctx, struct deferral *d);          /* nobody waits any more */
/* The same around a callback of a region: with LM_DEV_THREADS others have the context meanwhile. */
void callback_begin(struct lm_ctx *ctx, struct deferral *d);
enum defer_state callback_end(struct lm_ctx *ctx, struct deferral *d);

/* ---- info.c: validates and copies a description ---------------------------------- */

int  info_copy(lm_dev_info_t *to, const lm_dev_info_t *from, size_t size);
void info_free(lm_dev_info_t *info);

/* ---- info_check.c ---------------------------------------------------------------- */

int  info_check(const lm_dev_info_t *info); /* -EINVAL, the cause logged */

/* ---- name.c: names in a description ---------------------------------------------- */

/* -EINVAL, the cause logged. Of registers: once all maps are known to be sound. */
int  name_check_device(const lm_dev_info_t *info);
int  name_check_props(const lm_dev_info_t *info);
int  name_check_registers(struct lm_ctx *ctx);
bool name_is_register(const char *name);
/* Names a register of a region and says what is wrong with it. */
void register_complain(struct lm_ctx *ctx, int level, uint32_t index, const lm_register_t *reg,
		       const char *what);
/* Is @name one of the single properties name0, name1, ... of @p? */
bool name_is_member(const lm_prop_t *p, const char *name);

/* ---- log.c ----------------------------------------------------------------------- */

void log_new(lm_dev_info_t *info); /* without a callback: how much goes to stderr */
void log_info(const lm_dev_info_t *info, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4))); /* before there is a context */
/* Like lm_log(), of what a peer can cause at will: each @fmt, a literal, once a second, with how
 * many of it were left out before. */
void log_peer(struct lm_ctx *ctx, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void log_limits_new(struct log_limits *limits);
#define log_err(ctx, ...)   lm_log((ctx), LM_LOG_ERR, __VA_ARGS__)
#define log_warn(ctx, ...)  lm_log((ctx), LM_LOG_WARN, __VA_ARGS__)
#define log_debug(ctx, ...) lm_log((ctx), LM_LOG_DEBUG, __VA_ARGS__)

/* ---- memfd.c --------------------------------------------------------------------- */

/* A descriptor, to be sealed; or -errno, -EFBIG: more than RLIMIT_FSIZE. */
const char *memory_advice(int error); /* what to do about it, or "" */
int memfd_sized(const char *name, uint64_t size);
/* Whoever is given it can neither shrink nor grow it; the same, and mapped. */
int memfd_sealed(const char *name, uint64_t size);
int memfd_mapped(const char *name, uint64_t size, void **mem);

/* ---- function.c: the PCI function as a whole ------------------------------------- */

int  function_new(struct lm_ctx *ctx); /* after the regions and the DMA map */
void function_free(struct lm_ctx *ctx);
/* 0, -errno, or LM_DEFER: then @d (take NULL, done set) is notified. @d NULL: nobody waits.
 * @trace_flags: LM_TRACE_CONTROL if musctl asks for it. */
int  function_reset(struct lm_ctx *ctx, struct deferral *d, uint16_t trace_flags);

/* ---- config.c, cap.c: configuration space ---------------------------------------- */

/* What it keeps of a device, in bytes: so say all parts that do. */
uint64_t config_kept_size(void);
int    config_new(struct lm_ctx *ctx);   /* header and capabilities; the cause of -EINVAL logged */
void   config_free(struct lm_ctx *ctx);
void   config_reset(struct lm_ctx *ctx); /* function reset */
size_t config_size(const struct lm_ctx *ctx); /* 256 or 4096 */
/* As a guest; the range is inside. count or -errno. */
ssize_t config_access(struct lm_ctx *ctx, char *buf, size_t count, uint64_t offset, bool is_write);
uint16_t config_command(const struct lm_ctx *ctx); /* COMMAND register; safe from any thread */
bool   config_take_flr(struct lm_ctx *ctx); /* an access has asked for function level reset */
/* State: config_save() and its like return the bytes needed, and write if @size has room. The
 * loads check all, then act; irq_load() comes last and delivers what is due. Where there is a
 * prepare, the load of the same bytes cannot fail after it, and nobody sees that it was called. */
size_t config_save(const struct lm_ctx *ctx, void *buf, size_t size);
int    config_prepare(struct lm_ctx *ctx, const void *buf, size_t len);
int    config_load(struct lm_ctx *ctx, const void *buf, size_t len);

/* ---- master.c: bus mastering ----------------------------------------------------- */

/* Does COMMAND.BusMaster count? master_moved() has to follow a change of that by master_enforce(),
 * as it follows any change of COMMAND. */
bool master_is_enforced(const struct lm_ctx *ctx);
void master_enforce(struct lm_ctx *ctx, bool enforced);
void master_moved(struct lm_ctx *ctx);
void master_client_writes(struct lm_ctx *ctx, uint64_t offset, size_t len); /* is about to */
void master_disconnect(struct lm_ctx *ctx); /* the client left */

/* ---- msix.c: MSI-X table and PBA inside a BAR ------------------------------------ */

uint64_t msix_kept_size(const lm_dev_info_t *info);
size_t msix_save(const struct lm_ctx *ctx, void *buf, size_t size); /* 0: table untouched */
int    msix_load(struct lm_ctx *ctx, const void *buf, size_t len);

/* ---- irq.c ----------------------------------------------------------------------- */

struct irq_set {
	uint32_t flags, index, start, count;
	const uint8_t *data;  /* VFIO_IRQ_SET_DATA_BOOL: count bytes */
	bool armed;           /* DATA_EVENTFD has bytes too: the host keeps the eventfds */
	int *fds;             /* those kept are replaced by -1 */
	uint32_t nr_fds;
};

struct irq_state {
	bool     eventfd, masked, pending;
	uint64_t count;       /* delivered so far */
};

uint64_t irq_kept_size(const lm_dev_info_t *info);
int  irq_new(struct lm_ctx *ctx);
void irq_free(struct lm_ctx *ctx);
/* device reset: levels and pending bits; not eventfds */
void irq_reset(struct lm_ctx *ctx, uint16_t trace_flags);
void irq_disconnect(struct lm_ctx *ctx);   /* the client left: close all eventfds, unmask */
int  irq_get_info(struct lm_ctx *ctx, struct vfio_irq_info *info); /* info->index in, rest out */
int  irq_set(struct lm_ctx *ctx, const struct irq_set *set);       /* validates all, then acts */
/* For musctl, as traces say: its own mask; lm_irq_trigger_index(); lm_irq_set_level(). */
int  irq_mask(struct lm_ctx *ctx, uint32_t index, uint32_t vector, bool mask);
int  irq_inject(struct lm_ctx *ctx, uint32_t index, uint32_t vector);
int  irq_inject_level(struct lm_ctx *ctx, bool level);
int  irq_get_state(struct lm_ctx *ctx, uint32_t index, uint32_t vector, struct irq_state *st);
void irq_config_changed(struct lm_ctx *ctx); /* enable or mask bits moved: deliver what is due */
bool irq_intx_level(const struct lm_ctx *ctx);
/* 64 of them. */
uint64_t irq_pending_bits(const struct lm_ctx *ctx, uint32_t index, uint32_t first);
size_t irq_save(struct lm_ctx *ctx, void *buf, size_t size);
int  irq_prepare(struct lm_ctx *ctx, const void *buf, size_t len);
int  irq_load(struct lm_ctx *ctx, const void *buf, size_t len);
/* For the MSI-X table, whose mask bits other threads read: change it between lock and unlock. */
void irq_lock(struct lm_ctx *ctx);
void irq_unlock(struct lm_ctx *ctx);
void irq_vectors_moved(struct lm_ctx *ctx, uint32_t first, uint32_t count); /* caller locks */

/* ---- dma.c, dma_table.c ---------------------------------------------------------- */

/* What a client can have at a time if it asks for that many: 64 MiB of our memory. */
#define DMA_WINDOWS_MAX (1u << 20)

struct dma_window {       /* as a client described it */
	uint64_t addr, size, offset;
	uint32_t prot;    /* PROT_READ | PROT_WRITE */
	int      fd;      /* -1: none; consumed on success only */
	bool     file_io; /* reach it by pread and pwrite only */
	bool     pinned;  /* by the host, which maps it: @offset is its address */
	bool     may_join; /* its neighbours: no client gave it these bounds */
};

/* A copy between client memory and ours. */
struct dma_request {
	bool     is_write; /* to the client */
	uint64_t addr, len;
	char    *data;
};

/* Who has the memory that is reached by message alone, and waits for the end of a DMA_UNMAP. */
struct dma_peer {
	/* done() exactly once if 0 is returned. @request->data must stay until then. */
	int  (*copy)(struct lm_ctx *ctx, const struct dma_request *request, lm_dma_done_t *done,
		     void *arg);
	int  (*copy_wait)(struct lm_ctx *ctx, const struct dma_request *request);
	/* Where copies take time, or a DMA_UNMAP waits; else NULL. */
	void (*cancel)(struct lm_ctx *ctx, int error); /* copies that have not ended do so now */
	void (*unmapped)(struct lm_ctx *ctx, ssize_t result); /* see dma_unmap() */
};

#define MASTER_OFF (-EHOSTUNREACH) /* what DMA, MSI and MSI-X fail with */

int  dma_new(struct lm_ctx *ctx);
void dma_free(struct lm_ctx *ctx);
void dma_limit(struct lm_ctx *ctx, uint64_t max_windows); /* what was negotiated */
void dma_set_peer(struct lm_ctx *ctx, const struct dma_peer *peer);
/* Off: lookups and copies fail with MASTER_OFF, those under way too. */
void dma_set_master(struct lm_ctx *ctx, bool on);
int  dma_map(struct lm_ctx *ctx, const struct dma_window *w);
/* 0, -errno, or LM_DEFER: it has to go on in a turn if it is due; else peer->unmapped() is called
 * when all holders have let go, with 0 or with LM_DEFER: it is due. */
int  dma_unmap(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool all);
int  dma_unmap_go_on(struct lm_ctx *ctx); /* in a turn: the same */
bool dma_unmap_is_due(const struct lm_ctx *ctx);
/* The memory is gone already: nobody waits, and pointers that are out show scratch memory. */
int  dma_revoked(struct lm_ctx *ctx, uint64_t addr, uint64_t size, bool all);
void dma_disconnect(struct lm_ctx *ctx);   /* the client left: revoke everything */
void dma_leave(struct lm_ctx *ctx);        /* the same begins ... */
bool dma_leave_go_on(struct lm_ctx *ctx, uint64_t until); /* ... and is over, or @until is due */
/* For musctl show. @kind: "mapped", "file", "message", "broken". False ends the walk. */
typedef bool (dma_window_fn)(void *arg, const struct dma_window *w, const char *kind,
			     uint32_t held);
/* In order of address, from the window at or behind @addr on. */
void dma_for_each(struct lm_ctx *ctx, uint64_t addr, dma_window_fn *fn, void *arg);
uint64_t dma_count(const struct lm_ctx *ctx);
/* A window came (LM_TRACE_DMA_MAP) or went. Only if trace_on(). */
void dma_trace(struct lm_ctx *ctx, uint16_t kind, const struct dma_window *w, int result);

/* ---- server.c, stream.c, protocol.c: the vfio-user engine ------------------------ */

struct client_state {      /* for musctl show and traces */
	bool     attached;
	pid_t    pid;
	uid_t    uid;
	uint16_t major, minor;
	uint64_t requests;
};

int  server_new(struct lm_ctx *ctx);
int  server_start(struct lm_ctx *ctx); /* all is there: clients may come */
void server_hide(struct lm_ctx *ctx);  /* nobody finds it any more */
void server_free(struct lm_ctx *ctx);
/* A turn: as lm_ctx_poll(), or as lm_ctx_drive() does them. */
int  server_turn(struct lm_ctx *ctx, bool may_wait);
void server_get_state(const struct lm_ctx *ctx, struct client_state *st);
/* A request of the client has begun, and more of it is to come. */
bool server_is_half_done(const struct lm_ctx *ctx);
/* Look at the client's socket without epoll: 1: served, 0: nothing there, -EAGAIN: ask epoll. */
int  server_busy_poll(struct lm_ctx *ctx);
/* server_mdev.c: the same as a turn of the loop, in one system call where the channel can.
 * Between such turns replies may wait to be sent: until server_exchange_end(). */
int  server_exchange(struct lm_ctx *ctx);
void server_exchange_end(struct lm_ctx *ctx);
void server_listen_again(struct lm_ctx *ctx); /* what there is to be noticed has changed */

/* ---- ctx.c ----------------------------------------------------------------------- */

/* Some request runs or waits, whoever made it: the state of the device is between two. */
bool ctx_is_half_done(const struct lm_ctx *ctx);

/* sockpath.c has a header of its own: sockpath.h */

/* ---- instance.c: the directory that makes a device visible ------------------------- */

int  instance_new(struct lm_ctx *ctx);     /* temporary directory, locked */
/* A listening socket in it; @gid: group plus one. */
int  instance_listen(const struct lm_ctx *ctx, const char *file, uint32_t mode, uint32_t gid);
/* Its path once it is published. */
int  instance_path(const struct lm_ctx *ctx, const char *file, char *buf, size_t size);
int  instance_publish(struct lm_ctx *ctx); /* rename to the UUID; -EEXIST */
void instance_free(struct lm_ctx *ctx);    /* remove it */

/* ---- eventfd.c: eventfds that a peer has given us -------------------------------- */

/* 0: @fd is an eventfd, and now non-blocking: write(2) it. -EINVAL: it is something else. */
int  eventfd_accept(int fd);
/* Where speed does not matter: also safe if the peer has made it blocking again. */
void eventfd_kick(int fd);
/* As proc_pid_fdinfo(5) numbers those that exist; -1: unknown. */
long eventfd_id(int fd);
/* Known to be one and the same eventfd; -1 is none. Where the kernel does not tell: false. */
bool eventfd_is_same(int a, int b);

/* ---- trace.c --------------------------------------------------------------------- */

static inline bool trace_on(const struct lm_ctx *ctx)
{
	return unlikely(atomic_load_explicit(&ctx->trace, memory_order_relaxed) != NULL);
}
#define TRACE_SLOTS 65536u
uint64_t trace_ticks(void); /* the clock of records */
/* Which clock that is (lm_trace_header.clock), and both clocks at one moment. */
uint32_t trace_clock(void);
void trace_clock_pair(uint64_t *ticks, uint64_t *ns);
static inline uint32_t trace_duration(uint64_t since, uint64_t now)
{
	return now - since > UINT32_MAX ? UINT32_MAX : (uint32_t)(now - since);
}
/* Append; sequence is filled in. Only if trace_on(). From any thread. */
void trace_append(struct lm_ctx *ctx, const struct lm_trace_record *rec);
/* An access or reset is about to call the device: its record is to be filled in (duration, result,
 * aux and text stay zero) and gets its kind; it has ended. Only if trace_on(). */
struct lm_trace_record *trace_begin(struct lm_ctx *ctx);
void trace_begun(struct lm_trace_record *begun, uint16_t kind);
void trace_done(struct lm_ctx *ctx);
void trace_end(struct lm_ctx *ctx); /* the device ends in order */
/* A tracer comes or goes. Both descriptors are consumed on success; *ring_fd is borrowed. */
int  trace_attach(struct lm_ctx *ctx, int eventfd, int armed_memfd, int *ring_fd,
		  void **tracer);
void trace_detach(struct lm_ctx *ctx, void *tracer);
void trace_free(struct lm_ctx *ctx); /* with control_free(); nobody traces any more */
uint32_t trace_tracers(const struct lm_ctx *ctx);

/* ---- control.c: the Varlink endpoint --------------------------------------------- */

int  control_new(struct lm_ctx *ctx); /* listens on the instance's control.sock */
void control_free(struct lm_ctx *ctx);

#include "region.h"

#endif /* LM_INTERNAL_H */
