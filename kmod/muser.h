/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * muser.h - what the files of muser.ko share. Prototypes stand under the file that owns them.
 *
 * struct muser is one instance: it lives from the mdev's creation until the mdev, the server's
 * file and every mapping of it have gone. struct muser_vfio is its face to VFIO.
 *
 * Locks, outermost first: state_lock (mutex: server comes, goes, starts; client opens, closes),
 * then those inside dma and mem (see there), then lock (spinlock: queue and requests).
 * Never waited for under any of them: the server. Calls into VFIO on the server's behalf are
 * dma.c's, and muser_dma_close() waits for those under way.
 */
#ifndef MUSER_KMOD_H
#define MUSER_KMOD_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <linux/workqueue.h>

#include "uapi/linux/muser.h"
#include "compat.h"

#define MUSER_MAX_REGIONS 15U /* each has a space of its own */
#define MUSER_MAX_IRQS    16U /* indexes */
#define MUSER_MAX_VECTORS 2048U
#define MUSER_MAX_DATA    (1024U * 1024U)
#define MUSER_MAX_MSG     (MUSER_MAX_DATA + 64U)

/* As much as a peer asks for, charged to it: at its limit, that fails without a splat. */
#define MUSER_GFP_PEER (GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

struct mdev_device;
struct vm_area_struct;
struct muser;

/* ---- mem.c: device memory ----------------------------------------------------------- */

struct muser_mem_space {
	struct muser *m;
	pgoff_t first;        /* of its pages, among those of all spaces */
	u64 size;             /* 0: there is none; once it is there, it stays */
	struct xarray pages;  /* struct page *, by number; they come by faults, and stay */
	unsigned long *armed; /* a bit a page: its next write is noticed; NULL: never asked for */
	unsigned long *dirty; /* written since it was armed */
};

struct muser_memory {
	struct mutex trap_lock;                        /* see mem_trap.c */
	struct rw_semaphore map_lock;                  /* of @armed and @dirty */
	struct muser_mem_space space[MUSER_NR_SPACES]; /* they come under state_lock */
	u64 max;                                       /* bytes of all of them */
	atomic_t pending; /* written pages that were not fetched: POLLPRI */
};

int muser_mem_init(struct muser *m);
void muser_mem_free(struct muser *m);
int muser_mem_create(struct muser *m, struct muser_mem *arg); /* state_lock held */
int muser_mem_trap(struct muser *m, struct muser_trap *arg);
/* vm_pgoff counts from the start of the space. */
int muser_mem_mmap_server(struct muser *m, u32 space, struct vm_area_struct *vma);
int muser_mem_mmap_client(struct muser *m, u32 space, struct vm_area_struct *vma);
u64 muser_mem_size(struct muser *m); /* of all spaces, in bytes */

/* ---- dma.c: the client's memory ------------------------------------------------------ */

struct muser_dma_state; /* dma.h */

/* Of the module: when no mdev is left, and before what muser_put() needs goes. */
void muser_dma_cleanup(void);

int muser_dma_init(struct muser *m);
void muser_dma_free(struct muser *m);
/* The client has opened; closes: everything is revoked and unpinned before this returns. */
void muser_dma_open(struct muser *m);
void muser_dma_close(struct muser *m);
/* In between: from now on, VFIO calls muser_dma_unmap(), so that the server may pin. */
void muser_dma_admit(struct muser *m);
/* vfio_device_ops.dma_unmap: revoked, and unpinned or soon so, before it returns. */
void muser_dma_unmap(struct muser *m, u64 iova, u64 size);
/* The server has left: what it pinned is let go. */
void muser_dma_server_gone(struct muser *m);
int muser_dma_pin(struct muser *m, struct muser_dma *arg);
int muser_dma_unpin(struct muser *m, struct muser_dma *arg);
int muser_dma_rw(struct muser *m, struct muser_dma_rw *arg);
int muser_dma_mmap(struct muser *m, struct vm_area_struct *vma); /* vm_pgoff: iova in pages */
u64 muser_dma_pinned(struct muser *m);                           /* pages */
/* MUSER_DMA_FILE is allowed; no longer: mappings of files are revoked before this returns. */
bool muser_dma_is_direct(struct muser *m);
void muser_dma_set_direct(struct muser *m, bool direct);

/* ---- irq.c --------------------------------------------------------------------------- */

struct muser_irqs; /* eventfds by index and vector */

int muser_irq_init(struct muser *m);
void muser_irq_free(struct muser *m);
/* VFIO_DEVICE_SET_IRQS of the client: keeps eventfds, tells the server, waits for its answer. */
int muser_irq_set(struct muser *m, const struct vfio_irq_set *set, void *data);
int muser_irq_trigger(struct muser *m, const struct muser_irq *arg);
void muser_irq_close(struct muser *m); /* the client has closed: forget all */
int muser_irq_resend(struct muser *m); /* a server took over: tell it what there is */
void muser_irq_request(struct muser *m, unsigned int count); /* signal REQ */

/* ---- chan.c: messages, the server's file --------------------------------------------- */

/* What the server said in its handshake; constant from then on. */
struct muser_region {
	struct vfio_region_info info; /* offset as VFIO clients see it */
	struct vfio_region_sparse_mmap_area *areas;
	u32 nr_areas;
	u32 type, subtype; /* VFIO_REGION_INFO_CAP_TYPE; type 0: none */
};

struct muser_desc {
	u32 flags; /* VFIO_DEVICE_FLAGS_* */
	u32 nr_regions, nr_irqs;
	bool own_req; /* the server has no REQ interrupt: it is the module's */
	struct muser_region region[MUSER_MAX_REGIONS];
	struct vfio_irq_info irq[MUSER_MAX_IRQS];
};

enum muser_state {
	MUSER_NO_SERVER, /* nobody has opened the file, or it was closed */
	MUSER_OPENED,    /* it is open, not started */
	MUSER_HANDSHAKE,
	MUSER_READY,
	MUSER_HUNG,    /* it was ready, and leaves a request unanswered for too long */
	MUSER_REMOVED, /* the mdev was removed */
};

enum muser_policy { MUSER_FAIL, MUSER_WAIT }; /* accesses without a server */

/* One command to the server and, if asked for, its reply. */
struct muser_request {
	u16 cmd;
	const void *head; /* payload: head, then data */
	size_t head_len;
	const void *data;
	size_t data_len;
	void *reply; /* room for the reply's payload; longer ones are -EIO */
	size_t reply_size;
	size_t reply_len; /* out */
	bool first;       /* of the handshake: before all others, and before MUSER_READY */
};

/*
 * Wait for the answer: 0, the server's -errno, -ENODEV (removed), -EIO (no server, policy fail),
 * -ETIMEDOUT, -EINTR (a fatal signal). May sleep; not under any of our locks.
 */
int muser_call(struct muser *m, struct muser_request *req);
/* The server's poll(2) has news. */
void muser_wake(struct muser *m);

/* ---- post.c: no reply, no waiting, no failure; process context ------------------------ */

void muser_post_unmap(struct muser *m, u64 addr, u64 size);
void muser_post_unmask(struct muser *m);
/* @bytes: one for each vector, or NULL. Under "busy" of irq.h. */
void muser_post_irqs(struct muser *m, const struct vfio_irq_set *set, const u8 *bytes);
/* The number of the last message without a reply that this server was sent. */
u32 muser_posted(struct muser *m);

/* ---- the instance -------------------------------------------------------------------- */

/* Since its creation. Written under locks that are held there anyway, read without one. */
struct muser_stats {
	u64 served; /* under muser.lock, as the next two */
	u64 errors; /* of those served */
	u64 timeouts;
	u64 interrupts;    /* under the lock of the eventfds */
	u64 peak_pinned;   /* pages; under the pin_lock of dma.h */
	atomic64_t copied; /* bytes */
};

static inline void muser_count(u64 *counter)
{
	WRITE_ONCE(*counter, *counter + 1);
}

struct muser {
	struct kref ref;
	void (*release)(struct kref *ref); /* instance.c */
	guid_t uuid;
	int minor;
	struct device *dev;             /* the mdev, from probe to remove */
	struct work_struct state_event; /* sysfs.c */

	struct mutex state_lock; /* all down to the client's */
	enum muser_state state;
	enum muser_policy policy;
	unsigned int timeout_ms; /* how long an answer may take; 0: for ever */
	struct file *place;      /* the server's, not counted; see server.c */
	/* The next two are written under lock, and read without it. */
	struct file *server;     /* what it has opened, not counted; NULL: and closed */
	fl_owner_t server_table; /* of its descriptors; NULL: it has not started */
	struct pid *server_pid;
	bool started; /* this server has called MUSER_START */
	bool restartable;
	u64 features; /* MUSER_FEATURE_* that this server has taken */
	u32 restarts;
	struct muser_desc *desc; /* NULL until the first handshake */

	struct vfio_device *vdev;    /* from open_device until muser_dma_close() is done */
	struct mm_struct *client_mm; /* the same; counted by mmgrab() */
	bool client_open;            /* it has called us; read without the lock, too */
	bool client_shared;          /* see muser_client_is_shared() */
	struct pid *client_pid;
	kuid_t client_uid;

	spinlock_t lock;   /* everything below */
	struct chan *chan; /* chan.c */

	struct muser_memory mem;
	struct muser_dma_state *dma;
	struct muser_irqs *irqs;

	struct inode *inode; /* whose mapping all mappings are in; see instance.c */
	struct muser_stats stats;
};

static inline void muser_get(struct muser *m)
{
	kref_get(&m->ref);
}

/* May sleep. */
static inline void muser_put(struct muser *m)
{
	kref_put(&m->ref, m->release);
}

/*
 * Type 1 keeps the group's file open as long as the device. iommufd does not, and whoever opens the
 * group next joins a device that a mapping or a descriptor still keeps open, with all that its
 * client has, and its driver is not notified. Nobody's calls are served then, until it is closed.
 * Each call looks, and so does a mapping that goes, as it may be what keeps the device open.
 */
static inline bool muser_client_is_shared(struct muser *m)
{
#ifdef HAVE_VFIO_IOMMUFD
	if (unlikely(m->vdev->iommufd_access && READ_ONCE(m->vdev->open_count) > 1))
		WRITE_ONCE(m->client_shared, true);
#endif
	return READ_ONCE(m->client_shared);
}

/* Some of its device memory was written, and is to be fetched. */
static inline bool muser_mem_pending(const struct muser *m)
{
	return atomic_read(&m->mem.pending) > 0;
}

#endif /* MUSER_KMOD_H */
