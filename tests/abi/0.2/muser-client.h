/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * muser-client.h - the client side as programs of 0.2 see it: a draft, until 0.2 is released.
 *
 * lib/muser-client.h without its comments, as it was last looked at. tests/lint/abi.sh reports
 * what differs today.
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

typedef struct lm_client lm_client_t;

#define LM_CLIENT_MAX_FDS 16u

#define LM_CLIENT_NO_JSON           (1u << 0)
#define LM_CLIENT_NO_WRITE_MULTIPLE (1u << 1)
#define LM_CLIENT_TWIN_SOCKET       (1u << 2)
#define LM_CLIENT_BUSY_POLL         (1u << 3)

typedef int (lm_client_dma_t)(void *pvt, bool is_write, uint64_t addr, void *data, size_t count);

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

int lm_client_connect(const char *path, const lm_client_options_t *options, lm_client_t **client);

int lm_client_connect_fd(int fd, const lm_client_options_t *options, lm_client_t **client);

void lm_client_close(lm_client_t *client);

const lm_client_info_t *lm_client_info(const lm_client_t *client);

int lm_client_status(const lm_client_t *client);

int lm_client_device_info(lm_client_t *client, struct vfio_device_info *info);

int lm_client_device_reset(lm_client_t *client);

int lm_client_device_feature(lm_client_t *client, uint32_t flags, void *data, size_t in_len,
			     size_t *len);

void lm_client_set_timeout(lm_client_t *client, uint32_t timeout_ms);

typedef struct {
	struct vfio_region_info *info;
	uint32_t                 nr_fds;
	int                      fds[LM_CLIENT_MAX_FDS];
} lm_client_region_t;

typedef struct {
	uint64_t offset;
	uint64_t size;
	uint64_t fd_offset;
	int      fd;
	uint32_t reserved;
} lm_client_area_t;

int lm_client_region_info(lm_client_t *client, uint32_t index, lm_client_region_t *region);

void lm_client_region_free(lm_client_region_t *region);

int lm_client_region_area(const lm_client_region_t *region, uint32_t idx, lm_client_area_t *area);

int lm_client_region_type(const lm_client_region_t *region, uint32_t *type, uint32_t *subtype);

#define LM_CLIENT_IOEVENTFD  0u
#define LM_CLIENT_IOREGIONFD 1u

typedef struct {
	uint64_t offset;
	uint64_t size;
	uint64_t value;
	uint32_t type;
	uint32_t flags;
	int      fd;
	uint32_t reserved;
} lm_client_io_fd_t;

typedef struct {
	uint32_t           nr;
	uint32_t           nr_fds;
	lm_client_io_fd_t *subs;
	int                fds[LM_CLIENT_MAX_FDS];
} lm_client_io_fds_t;

int lm_client_region_io_fds(lm_client_t *client, uint32_t index, lm_client_io_fds_t *io);

void lm_client_io_fds_free(lm_client_io_fds_t *io);

int lm_client_region_read(lm_client_t *client, uint32_t region, uint64_t offset, void *buf,
			  size_t count);

int lm_client_region_write(lm_client_t *client, uint32_t region, uint64_t offset, const void *buf,
			   size_t count);

int lm_client_region_write_posted(lm_client_t *client, uint32_t region, uint64_t offset,
				  const void *buf, size_t count);

typedef struct {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	uint8_t  data[8];
} lm_client_write_t;

int lm_client_region_write_multi(lm_client_t *client, const lm_client_write_t *writes, size_t nr,
				 size_t *done);

int lm_client_irq_info(lm_client_t *client, uint32_t index, struct vfio_irq_info *info);

typedef struct {
	uint32_t       flags;
	uint32_t       index;
	uint32_t       start;
	uint32_t       count;
	const uint8_t *bools;
	const int     *fds;
} lm_client_irq_set_t;

int lm_client_set_irqs(lm_client_t *client, const lm_client_irq_set_t *set);

#define LM_CLIENT_DMA_READ    (1u << 0)
#define LM_CLIENT_DMA_WRITE   (1u << 1)
#define LM_CLIENT_DMA_FILE_IO (1u << 2)

typedef struct {
	uint64_t addr;
	uint64_t size;
	uint64_t offset;
	uint32_t flags;
	int      fd;
} lm_client_dma_map_t;

int lm_client_dma_map(lm_client_t *client, const lm_client_dma_map_t *map);

int lm_client_dma_unmap(lm_client_t *client, uint64_t addr, uint64_t size);

#define LM_CLIENT_READ         1u
#define LM_CLIENT_WRITE        2u
#define LM_CLIENT_WRITE_POSTED 3u

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

int lm_client_queue(lm_client_t *client, lm_client_op_t *op);

int lm_client_flush(lm_client_t *client);

int lm_client_wait(lm_client_t *client, uint32_t left);

uint32_t lm_client_pending(const lm_client_t *client);

void lm_client_cancel(lm_client_t *client);

int lm_client_fd(lm_client_t *client);

int lm_client_process(lm_client_t *client);

#ifdef __cplusplus
}
#endif

#endif
