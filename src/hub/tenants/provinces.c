// SPDX-License-Identifier: Apache-2.0
#include "hub/tenants/provinces.h"

const struct province provinces[PROVINCE_COUNT] = {
	{ 1, "Hà Nội", "Hanoi", NULL, NULL },
	{ 4, "Cao Bằng", "Cao Bang", NULL, NULL },
	{ 8, "Tuyên Quang", "Tuyen Quang", NULL, NULL },
	{ 11, "Điện Biên", "Dien Bien", NULL, NULL },
	{ 12, "Lai Châu", "Lai Chau", NULL, NULL },
	{ 14, "Sơn La", "Son La", NULL, NULL },
	{ 15, "Lào Cai", "Lao Cai", NULL, NULL },
	{ 19, "Thái Nguyên", "Thai Nguyen", NULL, NULL },
	{ 20, "Lạng Sơn", "Lang Son", NULL, NULL },
	{ 22, "Quảng Ninh", "Quang Ninh", NULL, NULL },
	{ 24, "Bắc Ninh", "Bac Ninh", NULL, NULL },
	{ 25, "Phú Thọ", "Phu Tho", NULL, NULL },
	{ 31, "Hải Phòng", "Hai Phong", NULL, NULL },
	{ 33, "Hưng Yên", "Hung Yen", NULL, NULL },
	{ 37, "Ninh Bình", "Ninh Binh", NULL, NULL },
	{ 38, "Thanh Hóa", "Thanh Hoa", NULL, NULL },
	{ 40, "Nghệ An", "Nghe An", NULL, NULL },
	{ 42, "Hà Tĩnh", "Ha Tinh", NULL, NULL },
	{ 44, "Quảng Trị", "Quang Tri", NULL, NULL },
	{ 46, "Huế", "Hue", NULL, NULL },
	{ 48, "Đà Nẵng", "Da Nang", "Hoàng Sa", "Hoang Sa" },
	{ 51, "Quảng Ngãi", "Quang Ngai", NULL, NULL },
	{ 52, "Gia Lai", "Gia Lai", NULL, NULL },
	{ 56, "Khánh Hòa", "Khanh Hoa", "Trường Sa", "Truong Sa" },
	{ 66, "Đắk Lắk", "Dak Lak", NULL, NULL },
	{ 68, "Lâm Đồng", "Lam Dong", NULL, NULL },
	{ 75, "Đồng Nai", "Dong Nai", NULL, NULL },
	{ 79, "Thành phố Hồ Chí Minh", "Ho Chi Minh City", NULL, NULL },
	{ 80, "Tây Ninh", "Tay Ninh", NULL, NULL },
	{ 82, "Đồng Tháp", "Dong Thap", NULL, NULL },
	{ 86, "Vĩnh Long", "Vinh Long", NULL, NULL },
	{ 91, "An Giang", "An Giang", NULL, NULL },
	{ 92, "Cần Thơ", "Can Tho", NULL, NULL },
	{ 96, "Cà Mau", "Ca Mau", NULL, NULL },
};

const struct province *province_find(uint32_t code)
{
	for (size_t i = 0; i < PROVINCE_COUNT; i++)
		if (provinces[i].code == code)
			return &provinces[i];
	return NULL;
}
