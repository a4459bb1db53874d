/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-client.h - the client side of vfio-user: drive anybody's server.
 *
 * A client connects to a socket, negotiates, and then does what a VMM does: describes regions and
 * interrupts, accesses regions, shares memory for DMA. Conventions, unless a function says
 * otherwise:
 *  - functions return 0 or a negative errno; what the server answered as an error comes back as
 *    -errno of that error, EIO if it named none;
 *  - every call ends within lm_client_options_t.timeout_ms, whatever the server does and however
 *    many messages it takes. After -ETIMEDOUT the connection can be used further, unless
 *    lm_client_status() says otherwise; the late reply is dropped;
 *  - a server that breaks the protocol gives -EPROTO; if its messages cannot be separated any
 *    more, or it has disconnected (-ENOTCONN), lm_client_status() and all later calls say so;
 *  - one thread at a time uses a client; there is no global state, no thread, no signal;
 *  - descriptors that come from the server are close-on-exec and belong to the caller;
 *  - sizes are in bytes. VFIO_* are those of <linux/vfio.h>.
 */
#ifndef MUSER_CLIENT_H
#define MUSER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vfio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** typedef lm_client_t - one connection to a server. Opaque. */
typedef struct lm_client lm_client_t;

/* How many descriptors a message can carry here, at most. */
#define LM_CLIENT_MAX_FDS 16u

/* ---- connecting ------------------------------------------------------------- */

/* lm_client_options_t.flags */
#define LM_CLIENT_NO_JSON           (1u << 0) /* propose nothing: the specification's defaults */
#define LM_CLIENT_NO_WRITE_MULTIPLE (1u << 1) /* do not propose write_multiple */
#define LM_CLIENT_TWIN_SOCKET       (1u << 2) /* propose twin_socket */
#define LM_CLIENT_BUSY_POLL         (1u << 3) /* spin instead of sleeping while waiting */

/**
 * typedef lm_client_dma_t - the server reads or writes memory that it cannot map
 * @pvt:      lm_client_options_t.pvt
 * @is_write: true: the server writes
 * @addr:     I/O virtual address, as given to lm_client_dma_map(); not validated
 * @data:     what is written, or where to put what is read; valid until the callback returns
 * @count:    bytes, 1 .. the max_data_xfer_size of lm_client_options_t
 *
 * Called from inside any function that waits or processes, at any moment between two messages.
 *
 * Context: the thread that uses the client. Must not use the client.
 * Return: 0, or a negative errno, which the server gets.
 * Source: vfio-user, VFIO_USER_DMA_READ, VFIO_USER_DMA_WRITE.
 */
typedef int (lm_client_dma_t)(void *pvt, bool is_write, uint64_t addr, void *data, size_t count);

/**
 * struct lm_client_options - how to connect; all zero is fine
 * @timeout_ms:         the longest that one call may take, 0: 5000
 * @flags:              LM_CLIENT_*
 * @max_msg_fds:        descriptors we take in one message, 1 .. LM_CLIENT_MAX_FDS, 0: that
 * @max_data_xfer_size: most data of one message that we take, .. 1 MiB, 0: that
 * @max_dma_maps:       proposed as it is, 0: 65535
 * @queue_depth:        requests that may await replies at a time, .. 4096, 0: 256
 * @pgsizes:            page sizes of DMA windows, or'ed, 0: 4096
 * @dma:                serves DMA by message; NULL: the server gets EFAULT
 * @pvt:                for @dma
 * @reserved:           0
 */
typedef struct {
	uint32_t         timeout_ms;
	uint32_t         flags;
	uint32_t         max_msg_fds;
	uint32_t         max_data_xfer_size;
	uint32_t         max_dma_maps;
	uint32_t         queue_depth;
	uint64_t         pgsizes;
	lm_client_dma_t *dma;
	void            *pvt;
	uint64_t         reserved[8];
} lm_client_options_t;

/**
 * struct lm_client_info - what was negotiated
 * @major, @minor:      version of the protocol
 * @max_msg_fds:        descriptors the server takes in one message
 * @max_data_xfer_size: most data of one message that both take
 * @max_dma_maps:       DMA windows the server takes
 * @pgsizes:            page sizes the server takes, or'ed
 * @write_multiple:     lm_client_region_write_multi() may be used
 * @twin_socket:        the server's commands come on a socket of their own
 * @json:               the server sent capabilities (else the specification's defaults hold)
 */
typedef struct {
	uint16_t major;
	uint16_t minor;
	uint32_t max_msg_fds;
	uint32_t max_data_xfer_size;
	uint32_t max_dma_maps;
	uint64_t pgsizes;
	bool     write_multiple;
	bool     twin_socket;
	bool     json;
	uint8_t  reserved[29];
} lm_client_info_t;

/**
 * lm_client_connect() - connect to a vfio-user server and negotiate
 * @path:    its socket; of any length up to PATH_MAX
 * @options: borrowed during the call; NULL: all defaults
 * @client:  out
 *
 * A server whose backlog is full is tried again until the timeout.
 *
 * Context: any thread; blocks for at most the timeout.
 * Return: 0; -EINVAL: bad options; -ETIMEDOUT: no answer; -EPROTONOSUPPORT: no version in common;
 *         -EPROTO: malformed reply; -ENOTCONN: the server closed the connection (it serves another
 *         client, or wants nothing of what we proposed); -ENOMEM; or what connect(2) gave.
 * Source: vfio-user, "Connection Initiation", VFIO_USER_VERSION.
 * Since: 0.2
 */
int lm_client_connect(const char *path, const lm_client_options_t *options, lm_client_t **client);

/**
 * lm_client_connect_fd() - negotiate on a socket that is connected
 * @fd:      a connected UNIX stream socket; consumed on success only
 * @options: as lm_client_connect()
 * @client:  out
 *
 * Context: as lm_client_connect().
 * Return: as lm_client_connect(); or what fcntl(2) gave.
 * Source: vfio-user, VFIO_USER_VERSION.
 * Since: 0.2
 */
int lm_client_connect_fd(int fd, const lm_client_options_t *options, lm_client_t **client);

/**
 * lm_client_close() - disconnect and free
 * @client: the client, or NULL
 *
 * Requests that are queued or await replies end with -ECANCELED.
 *
 * Context: the thread that uses it; not from a callback.
 * Since: 0.2
 */
void lm_client_close(lm_client_t *client);

/**
 * lm_client_info() - what was negotiated
 * @client: the client
 *
 * Context: any thread.
 * Return: a constant that lives as long as the client.
 * Source: vfio-user, VFIO_USER_VERSION.
 * Since: 0.2
 */
const lm_client_info_t *lm_client_info(const lm_client_t *client);

/**
 * lm_client_status() - can the connection still be used?
 * @client: the client
 *
 * Context: the thread that uses it; also from callbacks.
 * Return: 0; else what ended it: -ENOTCONN, -EPROTO, -ETIMEDOUT (a request could not be sent
 *         whole), -ENOMEM.
 * Since: 0.2
 */
int lm_client_status(const lm_client_t *client);

/* ---- the device ------------------------------------------------------------- */

/**
 * lm_client_device_info() - ask what the device is
 * @client: the client
 * @info:   out: flags, num_regions, num_irqs; the rest 0
 *
 * Context: the thread that uses the client; blocks for at most the timeout; not from a callback.
 * Return: 0 or -errno, see the conventions.
 * Source: vfio-user, VFIO_USER_DEVICE_GET_INFO.
 * Since: 0.2
 */
int lm_client_device_info(lm_client_t *client, struct vfio_device_info *info);

/**
 * lm_client_device_reset() - reset the device
 * @client: the client
 *
 * Context: as lm_client_device_info(). A reset may take long: see lm_client_set_timeout().
 * Return: 0 or -errno.
 * Source: vfio-user, VFIO_USER_DEVICE_RESET.
 * Since: 0.2
 */
int lm_client_device_reset(lm_client_t *client);

/**
 * lm_client_device_feature() - get, set or probe a feature of the device
 * @client: the client
 * @flags:  VFIO_DEVICE_FEATURE_GET, _SET or _PROBE and the feature's index
 * @data:   @in_len bytes for the server; then what it answered
 * @in_len: bytes to send, may be 0
 * @len:    in: room in @data, not less than @in_len; out: bytes the server answered. NULL: none
 *
 * Context: as lm_client_device_info().
 * Return: 0; -EMSGSIZE: the answer needs more room, *@len says how much; -ENOTTY and other errors
 *         of the server: no such feature.
 * Source: vfio-user, VFIO_USER_DEVICE_FEATURE.
 * Since: 0.2
 */
int lm_client_device_feature(lm_client_t *client, uint32_t flags, void *data, size_t in_len,
			     size_t *len);

/**
 * lm_client_set_timeout() - change how long a call may take
 * @client:     the client
 * @timeout_ms: as lm_client_options_t.timeout_ms
 *
 * Context: the thread that uses the client.
 * Since: 0.2
 */
void lm_client_set_timeout(lm_client_t *client, uint32_t timeout_ms);

/* ---- regions ---------------------------------------------------------------- */

/**
 * struct lm_client_region - what the server says about a region
 * @info:   of @info->argsz bytes, capabilities included; the chain has been validated. 8-byte
 *          aligned, to be freed with lm_client_region_free()
 * @nr_fds: how many descriptors came along
 * @fds:    those; set an entry to -1 to keep the descriptor
 */
typedef struct {
	struct vfio_region_info *info;
	uint32_t                 nr_fds;
	int                      fds[LM_CLIENT_MAX_FDS];
} lm_client_region_t;

/**
 * struct lm_client_area - a part of a region that can be mapped
 * @offset:    in the region
 * @size:      bytes; the area lies inside the region
 * @fd_offset: where in @fd, for mmap(2)
 * @fd:        borrowed from the region; -1: the server sent none
 */
typedef struct {
	uint64_t offset;
	uint64_t size;
	uint64_t fd_offset;
	int      fd;
	uint32_t reserved;
} lm_client_area_t;

/**
 * lm_client_region_info() - ask for the description of a region
 * @client: the client
 * @index:  of the region
 * @region: out; to be freed with lm_client_region_free() if 0 was returned
 *
 * Context: as lm_client_device_info().
 * Return: 0; -EPROTO: the description contradicts itself; -ENOMEM; -errno.
 * Source: vfio-user, VFIO_USER_DEVICE_GET_REGION_INFO.
 * Since: 0.2
 */
int lm_client_region_info(lm_client_t *client, uint32_t index, lm_client_region_t *region);

/**
 * lm_client_region_free() - free a description and close its descriptors
 * @region: the region, or NULL; all zero afterwards
 *
 * Context: any thread.
 * Since: 0.2
 */
void lm_client_region_free(lm_client_region_t *region);

/**
 * lm_client_region_area() - the parts of a region that can be mapped
 * @region: the region
 * @idx:    which one, from 0
 * @area:   out
 *
 * With a sparse-mmap capability its areas, else the whole region if it can be mapped. If there are
 * as many descriptors as areas, each area has its own, else all share the first.
 *
 * Context: any thread.
 * Return: 0; -ENOENT: there are no more.
 * Source: vfio-user, VFIO_REGION_INFO_CAP_SPARSE_MMAP; <linux/vfio.h>.
 * Since: 0.2
 */
int lm_client_region_area(const lm_client_region_t *region, uint32_t idx, lm_client_area_t *area);

/**
 * lm_client_region_type() - the kind of a device-specific region
 * @region:  the region
 * @type:    out: VFIO_REGION_TYPE_*
 * @subtype: out
 *
 * Context: any thread.
 * Return: 0; -ENOENT: the server does not say.
 * Source: vfio-user, "Device-Specific Regions"; VFIO_REGION_INFO_CAP_TYPE of <linux/vfio.h>.
 * Since: 0.2
 */
int lm_client_region_type(const lm_client_region_t *region, uint32_t *type, uint32_t *subtype);

/* lm_client_io_fd_t.type */
#define LM_CLIENT_IOEVENTFD  0u
#define LM_CLIENT_IOREGIONFD 1u

/**
 * struct lm_client_io_fd - a part of a region with a descriptor for its accesses
 * @offset:   in the region; not validated against its size
 * @size:     bytes, 0: any
 * @value:    datamatch of an ioeventfd, user data of an ioregionfd
 * @type:     LM_CLIENT_IOEVENTFD or LM_CLIENT_IOREGIONFD
 * @flags:    KVM_IOEVENTFD_FLAG_* or KVM_IOREGION_*
 * @fd:       one of lm_client_io_fds_t.fds; several may share it
 */
typedef struct {
	uint64_t offset;
	uint64_t size;
	uint64_t value;
	uint32_t type;
	uint32_t flags;
	int      fd;
	uint32_t reserved;
} lm_client_io_fd_t;

/**
 * struct lm_client_io_fds - all of them for a region
 * @nr:     how many
 * @nr_fds: how many descriptors they share
 * @subs:   @nr of them
 * @fds:    @nr_fds descriptors; set an entry to -1 to keep it
 */
typedef struct {
	uint32_t           nr;
	uint32_t           nr_fds;
	lm_client_io_fd_t *subs;
	int                fds[LM_CLIENT_MAX_FDS];
} lm_client_io_fds_t;

/**
 * lm_client_region_io_fds() - ask for the descriptors that bypass the socket
 * @client: the client
 * @index:  of the region
 * @io:     out; to be freed with lm_client_io_fds_free() if 0 was returned
 *
 * Context: as lm_client_device_info().
 * Return: 0 (also if there are none); -EPROTO; -ENOMEM; -errno.
 * Source: vfio-user, VFIO_USER_DEVICE_GET_REGION_IO_FDS.
 * Since: 0.2
 */
int lm_client_region_io_fds(lm_client_t *client, uint32_t index, lm_client_io_fds_t *io);

/**
 * lm_client_io_fds_free() - free the list and close its descriptors
 * @io: the list, or NULL; all zero afterwards
 *
 * Context: any thread.
 * Since: 0.2
 */
void lm_client_io_fds_free(lm_client_io_fds_t *io);

/**
 * lm_client_region_read() - read from a region
 * @client: the client
 * @region: index
 * @offset: in the region
 * @buf:    where to
 * @count:  bytes; more than max_data_xfer_size take several messages, one after the other
 *
 * Servers need not report an access that the device refuses: with libmuser's it reads as all ones,
 * as on a bus, and a write is dropped.
 *
 * Context: as lm_client_device_info().
 * Return: 0; -errno: how much of @buf was filled is not known.
 * Source: vfio-user, VFIO_USER_REGION_READ.
 * Since: 0.2
 */
int lm_client_region_read(lm_client_t *client, uint32_t region, uint64_t offset, void *buf,
			  size_t count);

/**
 * lm_client_region_write() - write to a region
 * @client: the client
 * @region: index
 * @offset: in the region
 * @buf:    what to write
 * @count:  bytes, as for lm_client_region_read()
 *
 * Context: as lm_client_device_info().
 * Return: 0; -errno: how much was written is not known.
 * Source: vfio-user, VFIO_USER_REGION_WRITE.
 * Since: 0.2
 */
int lm_client_region_write(lm_client_t *client, uint32_t region, uint64_t offset, const void *buf,
			   size_t count);

/**
 * lm_client_region_write_posted() - write to a region and want no answer
 * @client: the client
 * @region: index
 * @offset: in the region
 * @buf:    what to write; copied
 * @count:  bytes, as for lm_client_region_read()
 *
 * The write has been sent when the function returns. Whether it succeeded cannot be known.
 *
 * Context: as lm_client_device_info().
 * Return: 0; -ETIMEDOUT: the server does not read; -errno.
 * Source: vfio-user, "Header", No_reply.
 * Since: 0.2
 */
int lm_client_region_write_posted(lm_client_t *client, uint32_t region, uint64_t offset,
				  const void *buf, size_t count);

/** struct lm_client_write - one of many small writes; @count is 1 .. 8 */
typedef struct {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	uint8_t  data[8];
} lm_client_write_t;

/**
 * lm_client_region_write_multi() - many small writes in one message
 * @client: the client
 * @writes: @nr of them, done in order
 * @nr:     any number: more than fit in a message take several
 * @done:   out: how many were done, also if an error is returned; or NULL
 *
 * Context: as lm_client_device_info().
 * Return: 0: all were done; -EOPNOTSUPP: not negotiated; -EINVAL: a count; -EIO: the server
 *         stopped at one and did not say why; -errno.
 * Source: vfio-user, VFIO_USER_REGION_WRITE_MULTI.
 * Since: 0.2
 */
int lm_client_region_write_multi(lm_client_t *client, const lm_client_write_t *writes, size_t nr,
				 size_t *done);

/* ---- interrupts ------------------------------------------------------------- */

/**
 * lm_client_irq_info() - ask about a kind of interrupt
 * @client: the client
 * @index:  VFIO_PCI_INTX_IRQ_INDEX ...
 * @info:   out: flags, index, count
 *
 * Context: as lm_client_device_info().
 * Return: 0 or -errno.
 * Source: vfio-user, VFIO_USER_DEVICE_GET_IRQ_INFO.
 * Since: 0.2
 */
int lm_client_irq_info(lm_client_t *client, uint32_t index, struct vfio_irq_info *info);

/**
 * struct lm_client_irq_set - what is to be done with which interrupts
 * @flags: one VFIO_IRQ_SET_DATA_* and one VFIO_IRQ_SET_ACTION_*
 * @index: VFIO_PCI_INTX_IRQ_INDEX ...
 * @start: first vector
 * @count: how many; 0 with DATA_NONE and ACTION_TRIGGER: all off
 * @bools: with DATA_BOOL: @count bytes
 * @fds:   with DATA_EVENTFD: @count eventfds, borrowed; -1 takes one away. NULL: takes all away
 */
typedef struct {
	uint32_t       flags;
	uint32_t       index;
	uint32_t       start;
	uint32_t       count;
	const uint8_t *bools;
	const int     *fds;
} lm_client_irq_set_t;

/**
 * lm_client_set_irqs() - assign eventfds, mask, unmask or trigger
 * @client: the client
 * @set:    what
 *
 * Eventfds go in messages of at most the server's max_msg_fds, runs of -1 in one without any: what
 * came before a failure stays done.
 *
 * INTx masks itself when it is delivered (VFIO_IRQ_INFO_AUTOMASKED): nothing comes until the client
 * has sent DATA_NONE with ACTION_UNMASK, its end of interrupt; then at once, if the device still
 * asserts the line. An eventfd with ACTION_UNMASK is one that the client writes instead. MSI and
 * MSI-X need neither. muser-client(3) has a driver that waits for INTx.
 *
 * Context: as lm_client_device_info().
 * Return: 0; -EINVAL: no or several DATA flags, a missing array; -errno.
 * Source: vfio-user, VFIO_USER_DEVICE_SET_IRQS; VFIO_DEVICE_SET_IRQS of <linux/vfio.h>.
 * Since: 0.2
 */
int lm_client_set_irqs(lm_client_t *client, const lm_client_irq_set_t *set);

/* ---- DMA -------------------------------------------------------------------- */

/* lm_client_dma_map_t.flags */
#define LM_CLIENT_DMA_READ    (1u << 0) /* the device may read */
#define LM_CLIENT_DMA_WRITE   (1u << 1) /* the device may write */
#define LM_CLIENT_DMA_FILE_IO (1u << 2) /* to be reached by pread and pwrite (protocol 0.2) */

/**
 * struct lm_client_dma_map - memory that the device may reach
 * @addr:   I/O virtual address
 * @size:   bytes
 * @offset: in @fd
 * @flags:  LM_CLIENT_DMA_*
 * @fd:     of the memory, borrowed; -1: none, the server uses DMA by message
 */
typedef struct {
	uint64_t addr;
	uint64_t size;
	uint64_t offset;
	uint32_t flags;
	int      fd;
} lm_client_dma_map_t;

/**
 * lm_client_dma_map() - share memory with the device
 * @client: the client
 * @map:    which
 *
 * Context: as lm_client_device_info().
 * Return: 0; -EEXIST: over a present window; -errno.
 * Source: vfio-user, VFIO_USER_DMA_MAP.
 * Since: 0.2
 */
int lm_client_dma_map(lm_client_t *client, const lm_client_dma_map_t *map);

/**
 * lm_client_dma_unmap() - take memory back
 * @client: the client
 * @addr:   as mapped
 * @size:   as mapped
 *
 * When it returns 0 the server has let go of it.
 *
 * Context: as lm_client_device_info().
 * Return: 0 or -errno.
 * Source: vfio-user, VFIO_USER_DMA_UNMAP.
 * Since: 0.2
 */
int lm_client_dma_unmap(lm_client_t *client, uint64_t addr, uint64_t size);

/* ---- many requests at a time ------------------------------------------------ */

/* lm_client_op_t.kind */
#define LM_CLIENT_READ         1u
#define LM_CLIENT_WRITE        2u
#define LM_CLIENT_WRITE_POSTED 3u /* no reply: over when it is queued */

/**
 * struct lm_client_op - one request among many; the caller's, untouched until it is over
 * @kind:     LM_CLIENT_READ ...
 * @region:   index
 * @offset:   in the region
 * @buf:      where to, until the request is over; or what to write, copied at once
 * @count:    bytes, 1 .. max_data_xfer_size
 * @result:   out: -EINPROGRESS while it waits, then 0 or -errno
 * @done:     called when a queued request is over, @result set, from inside any function that
 *            waits or processes; NULL: look at @result. It may queue further requests and flush
 * @pvt:      of the caller
 * @reserved: 0
 */
typedef struct lm_client_op {
	uint32_t kind;
	uint32_t region;
	uint64_t offset;
	void    *buf;
	uint32_t count;
	int32_t  result;
	void   (*done)(struct lm_client_op *op);
	void    *pvt;
	uint64_t reserved[2];
} lm_client_op_t;

/**
 * lm_client_queue() - add a request to those that will be sent
 * @client: the client
 * @op:     the request
 *
 * It is sent by lm_client_flush(), by any call that waits, or when the send buffer is full: many
 * requests make one send. The server does them in order.
 *
 * Context: the thread that uses the client; never blocks; also from lm_client_op_t.done.
 * Return: 0: @op->result and @op->done follow, but a posted write is over; -EAGAIN: as many as
 *         queue_depth wait, or the send buffer is full: wait or process first; -EINVAL: kind or
 *         count; -EDEADLK: from lm_client_dma_t; or lm_client_status(). If not 0, @op is not used.
 * Source: vfio-user, "Command Concurrency".
 * Since: 0.2
 */
int lm_client_queue(lm_client_t *client, lm_client_op_t *op);

/**
 * lm_client_flush() - send what is queued
 * @client: the client
 *
 * Context: as lm_client_queue().
 * Return: 0: all of it; 1: the socket takes no more now; -errno.
 * Since: 0.2
 */
int lm_client_flush(lm_client_t *client);

/**
 * lm_client_wait() - send what is queued and wait for replies
 * @client: the client
 * @left:   wait until no more than so many requests are unanswered; 0: all are answered
 *
 * Context: the thread that uses the client; blocks for at most the timeout; not from a callback.
 * Return: 0: look at the results; -ETIMEDOUT: those that wait have ended with it; -errno.
 * Since: 0.2
 */
int lm_client_wait(lm_client_t *client, uint32_t left);

/**
 * lm_client_pending() - how many queued requests are not over
 * @client: the client
 *
 * Context: the thread that uses the client; also from callbacks.
 * Return: the number.
 * Since: 0.2
 */
uint32_t lm_client_pending(const lm_client_t *client);

/**
 * lm_client_cancel() - give up all requests that are not over
 * @client: the client
 *
 * They end with -ECANCELED; the server may do them all the same. Their buffers are free at once.
 *
 * Context: the thread that uses the client; not from a callback.
 * Since: 0.2
 */
void lm_client_cancel(lm_client_t *client);

/* ---- for programs with a loop of their own ---------------------------------- */

/**
 * lm_client_fd() - a descriptor that is readable when lm_client_process() has work
 * @client: the client
 *
 * For epoll_wait(2), poll(2) and the like. What is queued must have been flushed once.
 *
 * Context: the thread that uses the client.
 * Return: the descriptor, owned by the client, always the same; -errno of epoll_create1(2).
 * Since: 0.2
 */
int lm_client_fd(lm_client_t *client);

/**
 * lm_client_process() - do what there is to do, without waiting
 * @client: the client
 *
 * Sends what is queued, receives once, ends requests, serves the server's commands.
 *
 * Context: the thread that uses the client; never blocks, but for what callbacks do; not from a
 *          callback.
 * Return: how many messages were served, 0: none were there; -errno: the connection has ended, and
 *         so have all requests.
 * Since: 0.2
 */
int lm_client_process(lm_client_t *client);

#ifdef __cplusplus
}
#endif

#endif /* MUSER_CLIENT_H */
