// SPDX-License-Identifier: GPL-2.0-only
/*
 * server.c - the file /dev/muser/<uuid>: what a device process may do.
 *
 * Owns who is the server: one open file at a time and, from MUSER_START on, one table of
 * descriptors, that of a process. Its place is a file which nobody has in hand: the descriptors
 * hold one reference together, each mapping one, and each call that may take its time one. The last
 * fput(), wherever it is, comes to place_release() without a lock. Others that have the server's
 * file open, such as a child, hold nothing and are refused. So are arguments that are not known in
 * full, and what needs a handshake before there was one. state_lock is held for moments only.
 */
#include <linux/anon_inodes.h>
#include <linux/errno.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/freezer.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "chan.h"
#include "mdev.h"
#include "server.h"
#include "trace.h"
#include "usercopy.h"

/* ---- the place ----------------------------------------------------------------------- */

static void place_leave(struct muser *m)
{
	mutex_lock(&m->state_lock);
	if (m->started)
		m->restarts++;
	m->place = NULL;
	put_pid(m->server_pid);
	m->server_pid = NULL;
	chan_server_gone(m, MUSER_NO_SERVER);
	mutex_unlock(&m->state_lock);
}

/* Still "opened" while the handshake ends and pins are let go, so that nobody comes in between. */
static int place_release(struct inode *inode, struct file *place)
{
	struct muser *m = place->private_data;

	if (m->place == place) { /* else it was taken */
		flush_work(&m->chan->handshake);
		muser_dma_server_gone(m);
		place_leave(m);
	}
	muser_put(m);
	return 0;
}

static const struct file_operations place_fops = {
	.owner = THIS_MODULE,
	.release = place_release,
};

static struct file *place_new(struct muser *m)
{
	struct file *place = anon_inode_getfile("[muser]", &place_fops, m, O_RDONLY);

	if (IS_ERR(place))
		return place;
	muser_get(m);
	place->f_mapping = m->inode->i_mapping;
	return place;
}

static int place_take(struct muser *m, struct file *place, struct file *file)
{
	int ret = 0;

	mutex_lock(&m->state_lock);
	spin_lock(&m->lock);
	if (m->state == MUSER_REMOVED) {
		ret = -ENODEV;
	} else if (m->state != MUSER_NO_SERVER) {
		ret = -EBUSY;
	} else {
		m->state = MUSER_OPENED;
		m->started = false;
		m->chan->broken = 0;
		m->chan->nr_posted = 0;
		WRITE_ONCE(m->server_table, NULL);
		WRITE_ONCE(m->server, file);
		trace_muser_state(m, m->state, 0);
	}
	spin_unlock(&m->lock);
	if (!ret) {
		m->place = place;
		m->server_pid = get_pid(task_tgid(current));
	}
	mutex_unlock(&m->state_lock);
	return ret;
}

/* With a reference; NULL: it is not the server who calls. */
static struct file *place_get(const struct file *file)
{
	struct muser *m = file->private_data;
	struct file *place = NULL;

	spin_lock(&m->lock);
	if (chan_is_server(file))
		place = get_file(m->place);
	spin_unlock(&m->lock);
	return place;
}

/* The descriptors' reference. Whoever waits for messages is not the server any more. */
static void place_let_go(const struct file *file)
{
	struct muser *m = file->private_data;
	struct file *place = NULL;

	spin_lock(&m->lock);
	if (m->server == file) {
		WRITE_ONCE(m->server, NULL);
		place = m->place;
	}
	spin_unlock(&m->lock);
	if (!place)
		return;
	chan_server_gone(m, MUSER_OPENED);
	fput(place);
}

/* ---- open and release ---------------------------------------------------------------- */

static int server_enter(struct muser *m, struct file *file)
{
	struct file *place = place_new(m);
	int ret;

	if (IS_ERR(place))
		return PTR_ERR(place);
	ret = place_take(m, place, file);
	if (ret)
		fput(place);
	return ret;
}

static int server_open(struct inode *inode, struct file *file)
{
	struct muser *m = muser_node_find(iminor(inode));
	int ret;

	if (!m)
		return -ENODEV;
	ret = server_enter(m, file);
	if (ret) {
		muser_put(m);
		return ret;
	}
	file->private_data = m;
	return stream_open(inode, file);
}

static int server_is_same(const void *file, struct file *other, unsigned int fd)
{
	return file == other;
}

/* A table that nobody has any more is closed as a whole: what is in there does not count. */
static bool server_is_in(struct files_struct *table, const struct file *file)
{
	return atomic_read(&table->count) && iterate_fd(table, 0, server_is_same, file);
}

/*
 * After a descriptor was closed, or its table with all of them. The kernel closes its own files
 * without a table.
 */
static int server_flush(struct file *file, fl_owner_t table)
{
	const struct muser *m = file->private_data;

	if (table && table == READ_ONCE(m->server_table) && !server_is_in(table, file))
		place_let_go(file);
	return 0;
}

static int server_release(struct inode *inode, struct file *file)
{
	struct muser *m = file->private_data;

	place_let_go(file);
	muser_put(m);
	return 0;
}

/* ---- messages ------------------------------------------------------------------------ */

static ssize_t server_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct muser *m = file->private_data;
	ssize_t ret;
	int error;

	for (;;) {
		ret = chan_read(file, buf, size);
		if (ret != -EAGAIN || (file->f_flags & O_NONBLOCK))
			return ret == -ENODEV ? 0 : ret;
		error = ___wait_event(m->chan->server_wait, chan_has_news(file),
				      (TASK_INTERRUPTIBLE | TASK_FREEZABLE), 1, 0, schedule());
		if (error)
			return error;
	}
}

static ssize_t server_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	size_t done;
	int ret = chan_write(file, buf, len, &done);

	return done ?: ret;
}

static __poll_t server_poll(struct file *file, poll_table *table)
{
	struct muser *m = file->private_data;
	__poll_t events = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file, &m->chan->poll_wait, table);
	if (READ_ONCE(m->server) != file)
		return EPOLLERR;
	if (chan_is_readable(m))
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(m->state) == MUSER_REMOVED)
		events |= EPOLLHUP;
	if (READ_ONCE(m->chan->broken))
		events |= EPOLLERR;
	if (muser_mem_pending(m))
		events |= EPOLLPRI;
	return events;
}

/* ---- mmap(2) ------------------------------------------------------------------------- */

static int server_mmap(struct file *file, struct vm_area_struct *vma)
{
	const u64 per_space = 1ULL << (MUSER_SPACE_SHIFT - PAGE_SHIFT);
	const u64 dma = MUSER_MMAP_DMA >> PAGE_SHIFT;
	struct muser *m = file->private_data;
	u64 space = vma->vm_pgoff / per_space;
	struct file *place;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	place = place_get(file);
	if (!place)
		return -EPERM;
	/* What is mapped keeps the place. */
	vma_set_file(vma, place);
	fput(place);
	if (vma->vm_pgoff >= dma) {
		vma->vm_pgoff -= dma;
		return muser_dma_mmap(m, vma);
	}
	if (space >= MUSER_NR_SPACES)
		return -EINVAL;
	vma->vm_pgoff %= per_space;
	return muser_mem_mmap_server(m, space, vma);
}

/* ---- ioctl(2) ------------------------------------------------------------------------ */

#define SERVER_FEATURES MUSER_FEATURE_CLIENT

static int server_get_info(struct file *file, void *arg)
{
	struct muser *m = file->private_data;
	struct muser_info *info = arg;
	char text[UUID_STRING_LEN + 1];

	info->version = MUSER_API_VERSION;
	info->max_msg = MUSER_MAX_MSG;
	info->features = SERVER_FEATURES;
	mutex_lock(&m->state_lock);
	info->restarts = m->restarts;
	info->flags = (m->restarts ? MUSER_INFO_RESTART : 0) |
		      (m->client_open ? MUSER_INFO_CLIENT : 0);
	mutex_unlock(&m->state_lock);
	/* As the node is called, whose bytes are those of a uuid. */
	snprintf(text, sizeof(text), "%pUl", &m->uuid);
	return uuid_parse(text, (uuid_t *)info->uuid);
}

static int server_mem_create(struct file *file, void *arg)
{
	struct muser *m = file->private_data;
	int ret;

	mutex_lock(&m->state_lock);
	if (m->state == MUSER_REMOVED)
		ret = -ENODEV;
	else
		ret = m->started ? -EALREADY : muser_mem_create(m, arg);
	mutex_unlock(&m->state_lock);
	return ret;
}

/* Whoever calls is the server from now on; others that wait for messages are to see that. */
static int server_begin(struct muser *m, const struct muser_start *start)
{
	int ret = 0;

	lockdep_assert_held(&m->state_lock);
	spin_lock(&m->lock);
	if (!m->server) {
		ret = -EPERM; /* the last descriptor has just been closed */
	} else if (m->state == MUSER_REMOVED) {
		ret = -ENODEV;
	} else if (m->started) {
		ret = -EALREADY;
	} else {
		m->started = true;
		m->restartable = start->flags & MUSER_START_RESTARTABLE;
		m->features = start->features;
		WRITE_ONCE(m->server_table, current->files);
		m->state = MUSER_HANDSHAKE;
		trace_muser_state(m, m->state, 0);
	}
	spin_unlock(&m->lock);
	if (ret)
		return ret;
	put_pid(m->server_pid);
	m->server_pid = get_pid(task_tgid(current));
	chan_wake_all(m->chan);
	return 0;
}

static int server_start(struct file *file, void *arg)
{
	struct muser *m = file->private_data;
	const struct muser_start *start = arg;
	int ret;

	if (start->version != MUSER_API_VERSION)
		return -EPROTONOSUPPORT;
	if (start->features & ~SERVER_FEATURES)
		return -EINVAL;
	mutex_lock(&m->state_lock);
	ret = server_begin(m, start);
	if (!ret && !m->restartable)
		chan_fail_replayed(m);
	if (!ret)
		handshake_queue(m);
	mutex_unlock(&m->state_lock);
	/* A thread may have closed the descriptor just before flush could know the table. */
	server_flush(file, current->files);
	return ret;
}

/* What acts on the client, or on what it sees, is for a server that is not refused. */
static int server_check(struct file *file)
{
	const struct muser *m = file->private_data;

	if (!chan_is_server(file))
		return -EPERM;
	switch (READ_ONCE(m->state)) {
	case MUSER_HANDSHAKE:
	case MUSER_READY:
	case MUSER_HUNG:
		return 0;
	case MUSER_REMOVED:
		return -ENODEV;
	default:
		return -ENOTCONN;
	}
}

static int server_irq_trigger(struct file *file, void *arg)
{
	return server_check(file) ?: muser_irq_trigger(file->private_data, arg);
}

static int server_dma_pin(struct file *file, void *arg)
{
	return server_check(file) ?: muser_dma_pin(file->private_data, arg);
}

static int server_dma_unpin(struct file *file, void *arg)
{
	return server_check(file) ?: muser_dma_unpin(file->private_data, arg);
}

static int server_dma_rw(struct file *file, void *arg)
{
	return server_check(file) ?: muser_dma_rw(file->private_data, arg);
}

static int server_mem_trap(struct file *file, void *arg)
{
	return muser_mem_trap(file->private_data, arg);
}

/* Arguments: how long, which flags they may have, where a field is that must be zero. */
struct server_cmd {
	int (*fn)(struct file *file, void *arg);
	bool is_short; /* it does not keep the place, and looks itself who calls */
	u16 size;
	u16 min;      /* what it was at first, or is in all versions; 0: size */
	u16 reserved; /* its offset; 0: none */
	u32 flags;
};

static const struct server_cmd server_cmds[] = {
	[_IOC_NR(MUSER_GET_INFO)] = { .fn = server_get_info,
				      .size = sizeof(struct muser_info),
				      .min = offsetofend(struct muser_info, features),
				      .reserved = offsetof(struct muser_info, reserved) },
	[_IOC_NR(MUSER_MEM_CREATE)] = { .fn = server_mem_create,
					.size = sizeof(struct muser_mem),
					.reserved = offsetof(struct muser_mem, reserved) },
	[_IOC_NR(MUSER_START)] = { .fn = server_start,
				   .size = sizeof(struct muser_start),
				   .min = offsetofend(struct muser_start, reserved),
				   .reserved = offsetof(struct muser_start, reserved),
				   .flags = MUSER_START_RESTARTABLE },
	[_IOC_NR(MUSER_EXCHANGE)] = { .fn = server_exchange,
				      .is_short = true,
				      .size = sizeof(struct muser_exchange),
				      .flags = MUSER_EXCHANGE_NOWAIT },
	[_IOC_NR(MUSER_IRQ_TRIGGER)] = { .fn = server_irq_trigger,
					 .is_short = true,
					 .size = sizeof(struct muser_irq) },
	[_IOC_NR(MUSER_DMA_PIN)] = { .fn = server_dma_pin,
				     .size = sizeof(struct muser_dma),
				     .flags = MUSER_DMA_READ | MUSER_DMA_WRITE | MUSER_DMA_FILE },
	[_IOC_NR(MUSER_DMA_UNPIN)] = { .fn = server_dma_unpin, .size = sizeof(struct muser_dma) },
	[_IOC_NR(MUSER_DMA_RW)] = { .fn = server_dma_rw,
				    .size = sizeof(struct muser_dma_rw),
				    .flags = MUSER_DMA_READ | MUSER_DMA_WRITE },
	[_IOC_NR(MUSER_MEM_TRAP)] = { .fn = server_mem_trap,
				      .size = sizeof(struct muser_trap),
				      .flags = MUSER_TRAP_ARM | MUSER_TRAP_FETCH | MUSER_TRAP_OFF },
};

/* All structs begin so. */
struct server_arg {
	__u32 argsz;
	__u32 flags;
};

union server_args {
	struct server_arg head;
	struct muser_info info;
	struct muser_mem mem;
	struct muser_exchange exchange;
	struct muser_dma_rw rw;
	struct muser_trap trap;
};

/* Copied once. What a shorter one lacks is zeros; in a longer one, what we do not know must be. */
static int server_copy_in(const struct server_cmd *cmd, union server_args *arg, void __user *user)
{
	u32 argsz;
	int ret;

	if (get_user(argsz, (u32 __user *)user))
		return -EFAULT;
	if (argsz < (cmd->min ?: cmd->size) || argsz > PAGE_SIZE)
		return -EINVAL;
	if (argsz == cmd->size)
		ret = usercopy_from(arg, user, argsz);
	else
		ret = copy_struct_from_user(arg, cmd->size, user, argsz);
	if (ret)
		return ret == -E2BIG ? -EINVAL : ret;
	arg->head.argsz = argsz;
	if (arg->head.flags & ~cmd->flags)
		return -EINVAL;
	return cmd->reserved && *(u32 *)((u8 *)arg + cmd->reserved) ? -EINVAL : 0;
}

static int server_do(const struct server_cmd *cmd, struct file *file, void *arg)
{
	struct file *place;
	int ret;

	if (cmd->is_short)
		return cmd->fn(file, arg);
	place = place_get(file);
	if (!place)
		return -EPERM;
	ret = cmd->fn(file, arg);
	fput(place);
	return ret;
}

static long server_ioctl(struct file *file, unsigned int request, unsigned long user)
{
	const unsigned int nr = _IOC_NR(request);
	const struct server_cmd *cmd;
	union server_args arg;
	int ret;

	if (request != _IO(MUSER_TYPE, nr) || nr >= ARRAY_SIZE(server_cmds))
		return -ENOTTY;
	cmd = &server_cmds[array_index_nospec(nr, ARRAY_SIZE(server_cmds))];
	ret = server_copy_in(cmd, &arg, (void __user *)user);
	ret = ret ?: server_do(cmd, file, &arg);
	return ret ?: usercopy_to((void __user *)user, &arg, min_t(u32, arg.head.argsz, cmd->size));
}

const struct file_operations muser_server_fops = {
	.owner = THIS_MODULE,
	.open = server_open,
	.flush = server_flush,
	.release = server_release,
	.read = server_read,
	.write = server_write,
	.poll = server_poll,
	.mmap = server_mmap,
	.unlocked_ioctl = server_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
