/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake_node.h - a double of /dev/muser/<uuid>: the system calls of mdev_node.h, and in them as much
 * of muser.ko as a device process can see. A test is the module and its client: it queues messages,
 * looks at replies, and lends memory. The node outlives contexts, as the real one does. For one
 * test program each, with the device of engine.h.
 */
#ifndef FAKE_NODE_H
#define FAKE_NODE_H

#include <pthread.h>
#include <sys/mman.h>

#include <linux/muser.h>

#include "server/server_client.h"
#include "wire/mdev_node.h"
#include "engine.h"

#define NODE_UUID    "00000000-1111-2222-3333-444444444444"
#define NODE_QUEUE   (4u * 1024 * 1024)
#define NODE_VECTORS 64u
#define NODE_RANGES  8u
#define NODE_PAGE    4096ull
#define NODE_CHUNK   (64 * 1024ull) /* a pin takes what is around, in such chunks */
#define NODE_DMA_MAX (1ull << 40)

/* What the client has mapped for DMA. */
struct node_range {
	uint64_t iova, size;
	bool     read_only;
	bool     is_file;   /* shared memory: MUSER_DMA_FILE */
	int      pin_error; /* it cannot be pinned */
};

struct node {
	int          error;     /* of open(2) */
	int          fd;        /* our end of the file; -1: nobody has it open */
	unsigned int nr_opened, nr_started, start_flags;
	atomic_bool  removed;
	int          refused;   /* the server is, with this error */
	uint32_t     version, max_msg;
	uint64_t     features, features_taken;
	int          info_error; /* of MUSER_GET_INFO */

	char        *queue;     /* messages to be read */
	size_t       head, tail;
	char        *replies;
	size_t       replies_head, replies_tail;
	uint16_t     next_id;

	int          mem[MUSER_NR_SPACES]; /* memfds; 0: none */
	uint64_t     mem_size[MUSER_NR_SPACES];
	int          client;    /* memfd: its memory, by address */
	struct node_range range[NODE_RANGES];
	unsigned int nr_pins, nr_maps, nr_file_maps, nr_copies;
	unsigned int fired[LM_DEV_NUM_IRQS][NODE_VECTORS];

	unsigned int nr_reads, nr_exchanges;
	atomic_uint  nr_writes;
	bool         woken;     /* the last exchange ended by wake_fd */
	void       (*waits)(void); /* the server sleeps in an exchange: what happens then */
	struct muser_trap trap; /* the last one */
	unsigned int nr_traps;
	uint64_t     written;   /* which pages a fetch gives */
	uint16_t     nr_posted; /* the number of the last message without a reply */
};

static struct node node;
static pthread_mutex_t node_lock = PTHREAD_MUTEX_INITIALIZER; /* of queue and replies */

/* ---- the file -------------------------------------------------------------------- */

int mdev_node_open(const char *uuid)
{
	int pair[2];

	if (node.error || strcmp(uuid, NODE_UUID))
		return node.error ?: -ENOENT;
	if (node.fd >= 0)
		return -EBUSY;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	node.fd = pair[0];
	node.nr_opened++;
	node.nr_posted = 0;
	return pair[1];
}

void mdev_node_close(int fd)
{
	close(fd);
	close(node.fd);
	node.fd = -1;
	node.nr_started = 0;
}

static uint32_t message_size(const char *at)
{
	struct vfio_user_header hdr;

	memcpy(&hdr, at, sizeof(hdr));
	return hdr.msg_size;
}

/* As many whole messages as fit. */
static ssize_t node_take(int fd, void *buf, size_t len)
{
	size_t done = 0;
	bool is_left;
	char token;

	pthread_mutex_lock(&node_lock);
	while (node.head < node.tail) {
		const uint32_t size = message_size(node.queue + node.head);

		if (size > len - done)
			break;
		memcpy((char *)buf + done, node.queue + node.head, size);
		node.head += size;
		done += size;
		assert_int_equal(recv(fd, &token, 1, MSG_DONTWAIT), 1);
	}
	is_left = node.head < node.tail;
	pthread_mutex_unlock(&node_lock);
	if (done)
		return (ssize_t)done;
	return is_left ? -EMSGSIZE : -EAGAIN;
}

static void node_put(const void *buf, size_t len)
{
	const char *at = buf;

	pthread_mutex_lock(&node_lock);
	memcpy(node.replies + node.replies_tail, buf, len);
	node.replies_tail += len;
	pthread_mutex_unlock(&node_lock);
	while (len) { /* whole ones only */
		assert_in_range(message_size(at), sizeof(struct vfio_user_header), len);
		len -= message_size(at);
		at += message_size(at);
	}
}

ssize_t mdev_node_read(int fd, void *buf, size_t len)
{
	node.nr_reads++;
	if (node.refused)
		return node.refused;
	return node.removed ? 0 : node_take(fd, buf, len);
}

ssize_t mdev_node_write(int fd, const void *buf, size_t len)
{
	node.nr_writes++;
	node_put(buf, len);
	return (ssize_t)len;
}

/* ---- ioctls ---------------------------------------------------------------------- */

static int node_info(struct muser_info *arg)
{
	assert_int_equal(arg->argsz, sizeof(*arg));
	arg->version = node.version;
	arg->max_msg = node.max_msg;
	arg->features = node.features;
	arg->restarts = node.nr_opened - 1;
	arg->flags = node.nr_opened > 1 ? MUSER_INFO_RESTART : 0;
	return node.info_error;
}

static int node_mem_create(struct muser_mem *arg)
{
	assert_int_equal(arg->argsz, sizeof(*arg));
	assert_int_equal(arg->size % NODE_PAGE, 0);
	if (node.nr_started || arg->space >= MUSER_NR_SPACES || arg->flags || arg->reserved)
		return -EINVAL;
	if (node.mem[arg->space]) {
		arg->flags = MUSER_MEM_KEPT;
		return node.mem_size[arg->space] == arg->size ? 0 : -ESTALE;
	}
	node.mem[arg->space] = memfd_create("node-memory", MFD_CLOEXEC);
	node.mem_size[arg->space] = arg->size;
	return ftruncate(node.mem[arg->space], (off_t)arg->size);
}

static int node_start(const struct muser_start *arg)
{
	assert_int_equal(arg->argsz, sizeof(*arg));
	if (node.nr_started)
		return -EALREADY;
	if (arg->version != node.version)
		return -EPROTONOSUPPORT;
	if (arg->features & ~node.features)
		return -EINVAL;
	node.features_taken = arg->features;
	node.nr_started++;
	node.start_flags = arg->flags;
	return 0;
}

static int node_exchange(int fd, struct muser_exchange *arg)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN }, { .fd = arg->wake_fd, .events = POLLIN },
	};
	ssize_t got;

	assert_int_equal(arg->argsz, sizeof(*arg));
	node.nr_exchanges++;
	if (arg->out_len)
		node_put((void *)(uintptr_t)arg->out, arg->out_len);
	if (node.removed || node.refused)
		return node.refused ?: -ENODEV;
	got = node_take(fd, (void *)(uintptr_t)arg->in, arg->in_size);
	if (got == -EAGAIN && !(arg->flags & MUSER_EXCHANGE_NOWAIT)) {
		if (node.waits)
			node.waits();
		if (node.removed)
			return -ENODEV;
		assert_true(poll(p, 2, 5000) > 0); /* else it would sleep for ever */
		node.woken = p[1].revents;
		got = node_take(fd, (void *)(uintptr_t)arg->in, arg->in_size);
	}
	arg->in_len = got > 0 ? (uint32_t)got : 0;
	return got == -EMSGSIZE ? -EMSGSIZE : 0;
}

static int node_trigger(const struct muser_irq *arg)
{
	assert_int_equal(arg->argsz, sizeof(*arg));
	assert_in_range(arg->index, 0, LM_DEV_NUM_IRQS - 1);
	assert_in_range(arg->vector, 0, NODE_VECTORS - 1);
	node.fired[arg->index][arg->vector]++;
	return 0;
}

static const struct node_range *range_find(uint64_t iova, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < NODE_RANGES; i++) {
		const struct node_range *r = &node.range[i];

		if (r->size && !out_of_range(iova - r->iova, size, r->size))
			return r;
	}
	return NULL;
}

/* What the module pins lies inside one mapping of the client. */
static int node_pin(struct muser_dma *arg)
{
	const struct node_range *r = range_find(arg->iova, arg->size);
	uint64_t end;

	assert_int_equal(arg->argsz, sizeof(*arg));
	assert_true(arg->flags & MUSER_DMA_READ);
	node.nr_pins++;
	if (!r)
		return -EINVAL;
	if (r->pin_error)
		return r->pin_error;
	if (r->read_only && arg->flags & MUSER_DMA_WRITE)
		return -EPERM;
	if (!r->is_file)
		arg->flags &= ~(uint32_t)MUSER_DMA_FILE;
	end = (arg->iova + arg->size + NODE_CHUNK - 1) & ~(NODE_CHUNK - 1);
	arg->iova &= ~(NODE_CHUNK - 1);
	arg->iova = arg->iova > r->iova ? arg->iova : r->iova;
	end = end < r->iova + r->size ? end : r->iova + r->size;
	arg->size = end - arg->iova;
	return 0;
}

static int node_copy(const struct muser_dma_rw *arg)
{
	const struct node_range *r = range_find(arg->iova, arg->size);
	void *data = (void *)(uintptr_t)arg->addr;

	assert_int_equal(arg->argsz, sizeof(*arg));
	node.nr_copies++;
	if (!r)
		return -EINVAL;
	if (arg->flags & MUSER_DMA_WRITE) {
		if (r->read_only)
			return -EPERM;
		return pwrite(node.client, data, arg->size, (off_t)arg->iova) < 0 ? -errno : 0;
	}
	return pread(node.client, data, arg->size, (off_t)arg->iova) < 0 ? -errno : 0;
}

static int node_trap(int fd, struct muser_trap *arg)
{
	char oob;

	assert_int_equal(arg->argsz, sizeof(*arg));
	node.trap = *arg;
	node.nr_traps++;
	if (!(arg->flags & MUSER_TRAP_FETCH))
		return 0;
	recv(fd, &oob, 1, MSG_OOB | MSG_DONTWAIT);
	if (node.head == node.tail) /* it leaves a mark, which would be POLLIN */
		recv(fd, &oob, 1, MSG_DONTWAIT);
	*(uint64_t *)(uintptr_t)arg->bitmap = node.written;
	arg->posted = node.nr_posted;
	node.written = 0;
	return 0;
}

int mdev_node_ioctl(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case MUSER_GET_INFO:
		return node_info(arg);
	case MUSER_MEM_CREATE:
		return node_mem_create(arg);
	case MUSER_START:
		return node_start(arg);
	case MUSER_EXCHANGE:
		return node_exchange(fd, arg);
	case MUSER_IRQ_TRIGGER:
		return node_trigger(arg);
	case MUSER_DMA_PIN:
		return node_pin(arg);
	case MUSER_DMA_RW:
		return node_copy(arg);
	case MUSER_MEM_TRAP:
		return node_trap(fd, arg);
	default:
		return -ENOTTY;
	}
}

int mdev_node_mmap(int fd, uint64_t offset, size_t length, int prot, void **mem)
{
	const uint64_t space = offset >> MUSER_SPACE_SHIFT;
	int from = node.client;

	if (offset >= MUSER_MMAP_FILE) {
		offset -= MUSER_MMAP_FILE;
		node.nr_file_maps++;
	} else if (offset & MUSER_MMAP_DMA) {
		offset -= MUSER_MMAP_DMA;
		node.nr_maps++;
	} else {
		assert_in_range(space, 0, MUSER_NR_SPACES - 1);
		from = node.mem[space];
		offset -= space << MUSER_SPACE_SHIFT;
	}
	*mem = mmap(NULL, length, prot, MAP_SHARED, from, (off_t)offset);
	return *mem == MAP_FAILED ? -errno : 0;
}

/* ---- the module's side ----------------------------------------------------------- */

/* A command; its id. */
static inline uint16_t node_queue(uint16_t cmd, const void *payload, size_t len, uint32_t flags)
{
	const bool is_posted = flags & VFIO_USER_F_NO_REPLY;
	const uint16_t id = is_posted ? ++node.nr_posted : ++node.next_id;
	char *at;

	pthread_mutex_lock(&node_lock);
	at = node.queue + node.tail;
	node.tail += wire_put(at, id, cmd, payload, len);
	wire_set_flags(at, flags);
	assert_int_equal(send(node.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL), 1);
	pthread_mutex_unlock(&node_lock);
	return id;
}

static inline void node_posted(uint16_t cmd, const void *payload, size_t len)
{
	node_queue(cmd, payload, len, VFIO_USER_F_NO_REPLY);
}

/* The next reply: to @id, with @error; its payload. */
static inline const char *node_reply(uint16_t id, int error, size_t *len)
{
	const char *at = node.replies + node.replies_head;
	struct vfio_user_header hdr;

	assert_true(node.replies_head < node.replies_tail);
	memcpy(&hdr, at, sizeof(hdr));
	node.replies_head += hdr.msg_size;
	assert_int_equal(hdr.msg_id, id);
	assert_int_equal(hdr.error_no, error);
	assert_int_equal(hdr.flags & VFIO_USER_F_TYPE_MASK, VFIO_USER_F_TYPE_REPLY);
	*len = hdr.msg_size - sizeof(hdr);
	return at + sizeof(hdr);
}

static inline bool node_has_reply(void)
{
	bool has;

	pthread_mutex_lock(&node_lock);
	has = node.replies_head < node.replies_tail;
	pthread_mutex_unlock(&node_lock);
	return has;
}

/* Asked and answered: the reply's payload. */
static inline const char *node_request(struct engine *e, uint16_t cmd, const void *payload,
				       size_t len)
{
	const uint16_t id = node_queue(cmd, payload, len, 0);

	assert_int_equal(engine_poll(e), 0);
	return node_reply(id, 0, &len);
}

static inline void node_request_fails(struct engine *e, uint16_t cmd, const void *payload,
				      size_t len, int error)
{
	const uint16_t id = node_queue(cmd, payload, len, 0);

	assert_int_equal(engine_poll(e), 0);
	node_reply(id, error, &len);
}

static inline uint32_t node_read32(struct engine *e, uint32_t region, uint64_t offset)
{
	const struct vfio_user_region_access req = region_range(region, offset, 4);
	const char *reply = node_request(e, VFIO_USER_REGION_READ, &req, sizeof(req));
	uint32_t value;

	memcpy(&value, reply + sizeof(req), sizeof(value));
	return value;
}

static inline void node_write(struct engine *e, uint32_t region, uint64_t offset,
			      const void *data, uint32_t count)
{
	size_t len;
	char *payload = write_payload(region, offset, data, count, &len);

	node_request(e, VFIO_USER_REGION_WRITE, payload, len);
	free(payload);
}

static inline void node_write32(struct engine *e, uint32_t region, uint64_t offset,
				uint32_t value)
{
	node_write(e, region, offset, &value, sizeof(value));
}

/* A byte for each vector says whether it has an eventfd now. */
static inline void node_arm(struct engine *e, uint32_t index, uint32_t nr, uint8_t armed)
{
	struct {
		struct vfio_irq_set set;
		uint8_t data[NODE_VECTORS];
	} req = { .set = {
		.argsz = (uint32_t)(sizeof(req.set) + nr), .index = index, .count = nr,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER } };

	memset(req.data, armed, nr);
	node_request(e, VFIO_USER_DEVICE_SET_IRQS, &req, sizeof(req.set) + nr);
}

static inline void node_unmask(struct engine *e, uint32_t index)
{
	const struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = index, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK };

	node_request(e, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set));
}

static inline void node_client_opens(struct engine *e, uint32_t pid)
{
	const struct muser_client who = { .pid = pid, .uid = 1000 };

	node_posted(MUSER_CLIENT_OPEN, &who, sizeof(who));
	assert_int_equal(engine_poll(e), 0);
}

static inline void node_client_closes(struct engine *e)
{
	node_posted(MUSER_CLIENT_CLOSE, NULL, 0);
	assert_int_equal(engine_poll(e), 0);
}

static inline void node_unmaps(struct engine *e, uint64_t iova, uint64_t size)
{
	const struct vfio_user_dma_unmap req = {
		.argsz = sizeof(req), .addr = iova, .size = size };

	node_posted(VFIO_USER_DMA_UNMAP, &req, sizeof(req));
	assert_int_equal(engine_poll(e), 0);
}

/* The client writes to mapped pages, which are bits. */
static inline void node_writes_pages(uint64_t pages)
{
	node.written |= pages;
	assert_int_equal(send(node.fd, "", 1, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL), 1);
}

/* The mdev goes. */
static inline void node_remove(void)
{
	node.removed = true;
	shutdown(node.fd, SHUT_RDWR);
}

static inline uint8_t *node_client_memory(uint64_t iova, uint64_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, node.client,
			 (off_t)iova);

	assert_true(mem != MAP_FAILED);
	return mem;
}

/* ---- a test ---------------------------------------------------------------------- */

static inline int node_setup(void **state)
{
	struct engine *e;

	engine_setup(state);
	e = *state;
	memset(&node, 0, sizeof(node));
	node.fd = -1;
	node.version = MUSER_API_VERSION;
	node.features = MUSER_FEATURE_CLIENT;
	node.max_msg = STREAM_MAX_MSG;
	node.queue = malloc(NODE_QUEUE);
	node.replies = malloc(NODE_QUEUE);
	node.client = memfd_create("node-client", MFD_CLOEXEC);
	assert_int_equal(ftruncate(node.client, (off_t)NODE_DMA_MAX), 0);
	e->info.flags = LM_DEV_NO_CONTROL | LM_DEV_MDEV;
	e->info.uuid = NODE_UUID;
	return 0;
}

static inline int node_teardown(void **state)
{
	struct engine *e = *state;
	unsigned int i;

	engine_destroy(e);
	for (i = 0; i < MUSER_NR_SPACES; i++) {
		if (node.mem[i])
			close(node.mem[i]);
	}
	close(node.client);
	free(node.queue);
	free(node.replies);
	return engine_teardown(state);
}

static inline void node_serve(struct engine *e)
{
	e->ctx = lm_ctx_create(&e->info);
	if (!e->ctx)
		fail_msg("no context: %s", e->log);
}

static inline void node_refused(struct engine *e, int error, const char *why)
{
	e->log[0] = '\0';
	errno = 0;
	assert_null(lm_ctx_create(&e->info));
	assert_int_equal(errno, error);
	if (!strstr(e->log, why))
		fail_msg("logged \"%s\", not \"%s\"", e->log, why);
	assert_int_equal(node.fd, -1);
}

/* As the module does after MUSER_START. */
static inline void node_handshake(struct engine *e)
{
	const struct vfio_user_version version = { 0, 2 };

	node_request(e, VFIO_USER_VERSION, &version, sizeof(version));
}

/* What most tests begin with. */
static inline void node_begin(struct engine *e)
{
	node_serve(e);
	node_handshake(e);
	node_client_opens(e, 4711);
}

#define NODE_TEST(f) cmocka_unit_test_setup_teardown(f, node_setup, node_teardown)

#endif /* FAKE_NODE_H */
