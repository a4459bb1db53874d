/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * info_check.c - whether a device can be what its description says, as a whole.
 *
 * Refuses flags that contradict each other, callbacks without their other half, and what this
 * library does not know; warns of what works and is hardly meant. Names are name.c's; regions,
 * registers, capabilities and interrupts are checked where they are made.
 */
#include "base/prop.h"
#include "info.h"
#include "region/name.h"

#define KNOWN_FLAGS                                                                               \
	(LM_DEV_LISTEN_FD | LM_DEV_CONN_FD | LM_DEV_NO_CONTROL | LM_DEV_BUSY_POLL |               \
	 LM_DEV_NO_MMAP | LM_DEV_STRICT_DMA | LM_DEV_MDEV | LM_DEV_RESTARTABLE | LM_DEV_THREADS | \
	 LM_DEV_ALWAYS_MASTER | LM_DEV_NO_ERR_REQ)
#define KNOWN_PROP_FLAGS (LM_PROP_RO | LM_PROP_CREATE | LM_PROP_HEX | LM_PROP_BYTES)
#define PERMISSIONS      0777

static const char *info_fault(const lm_dev_info_t *info)
{
	const uint32_t fds = info->flags & (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD);
	const bool mdev = info->flags & LM_DEV_MDEV;

	if (info->flags & ~KNOWN_FLAGS)
		return "a flag that this libmuser does not know";
	if (fds == (LM_DEV_LISTEN_FD | LM_DEV_CONN_FD))
		return "LM_DEV_LISTEN_FD and LM_DEV_CONN_FD are mutually exclusive";
	if (fds && info->fd < 0)
		return "fd is not a descriptor";
	if (fds && info->socket_path)
		return "fd and socket_path are mutually exclusive";
	if (mdev && (info->socket_path || fds))
		return "a mediated device has no socket: neither fd nor socket_path";
	if (mdev && !info->uuid)
		return "LM_DEV_MDEV requires a UUID";
	if ((info->flags & LM_DEV_THREADS) && (info->flags & LM_DEV_BUSY_POLL))
		return "LM_DEV_BUSY_POLL and LM_DEV_THREADS are mutually exclusive";
	if ((info->flags & LM_DEV_NO_CONTROL) && !info->socket_path && !fds && !mdev)
		return "LM_DEV_NO_CONTROL requires socket_path or fd";
	if (info->has_ctx && !info->pvt)
		return "LM_CTX_IN requires pvt";
	if (info->reserved || !all_zero(info->pci_info.reserved, sizeof(info->pci_info.reserved)))
		return "a reserved member is not 0";
	if (info->socket_mode & ~PERMISSIONS)
		return "socket_mode has more than permission bits (it is octal: 0660)";
	if (info->save && !info->load)
		return "save requires load";
	return NULL;
}

static int check_props(const lm_dev_info_t *info)
{
	uint32_t i;

	for (i = 0; i < info->nr_props; i++) {
		const lm_prop_t *p = &info->props[i];
		const char *fault = prop_variable_fault(p);

		if (p->flags & ~KNOWN_PROP_FLAGS)
			fault = "a flag that this libmuser does not know";
		else if (!fault && p->type && !info->pvt)
			fault = "there is no pvt, where its variable is";
		else if (!fault && !p->type && !info->prop_get)
			fault = "there is no prop_get";
		else if (!fault && !p->type && !p->flags && !info->prop_set)
			fault = "it can be set, but there is no prop_set";
		if (fault) {
			log_info(info, LM_LOG_ERR, "property %u, %s: %s", i, p->name, fault);
			return -EINVAL;
		}
		if (p->value && p->flags == LM_PROP_RO)
			log_info(info, LM_LOG_WARN,
				 "property %u, %s: it is read-only: its "
				 "default is never set",
				 i, p->name);
	}
	return 0;
}

int info_check_props(const lm_dev_info_t *info)
{
	return name_check_props(info) ?: check_props(info);
}

int info_check(const lm_dev_info_t *info)
{
	const lm_pci_info_t *pci = &info->pci_info;
	const char *fault = info_fault(info);
	int ret;

	if (fault)
		log_info(info, LM_LOG_ERR, "%s", fault);
	ret = fault ? -EINVAL : name_check_device(info);
	if (ret)
		return ret;
	if (!pci->id.vid || pci->id.vid == 0xffff)
		log_info(info, LM_LOG_WARN, "vendor id %04xh: guests see an empty slot",
			 pci->id.vid);
	if (pci->intx_pin && !pci->irq_count[LM_DEV_INTX_IRQ_IDX])
		log_info(info, LM_LOG_WARN, "intx_pin %u without INTx in irq_count", pci->intx_pin);
	return 0;
}
