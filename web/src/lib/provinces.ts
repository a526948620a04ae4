// SPDX-License-Identifier: Apache-2.0
// The 34 provinces and cities with their official codes (as src/hub/tenants/provinces.c has them), and where each stands on a map
// of equal tiles: no boundary is drawn, a small province is as visible as a large one. `tile` is two short lines, then column and row.
export interface Province {
  code: string;
  vi: string;
  en: string;
  short: [string, string];
  column: number;
  row: number;
}

const row = (code: string, vi: string, en: string, first: string, second: string, column: number, line: number): Province => ({ code, vi, en, short: [first, second], column, row: line });

export const provinces: Province[] = [
  row('12', 'Lai Châu', 'Lai Chau', 'Lai', 'Châu', 2, 1),
  row('15', 'Lào Cai', 'Lao Cai', 'Lào', 'Cai', 3, 1),
  row('08', 'Tuyên Quang', 'Tuyen Quang', 'Tuyên', 'Quang', 4, 1),
  row('04', 'Cao Bằng', 'Cao Bang', 'Cao', 'Bằng', 5, 1),
  row('11', 'Điện Biên', 'Dien Bien', 'Điện', 'Biên', 1, 2),
  row('14', 'Sơn La', 'Son La', 'Sơn', 'La', 2, 2),
  row('25', 'Phú Thọ', 'Phu Tho', 'Phú', 'Thọ', 3, 2),
  row('19', 'Thái Nguyên', 'Thai Nguyen', 'Thái', 'Nguyên', 4, 2),
  row('20', 'Lạng Sơn', 'Lang Son', 'Lạng', 'Sơn', 5, 2),
  row('01', 'Hà Nội', 'Hanoi', 'Hà', 'Nội', 3, 3),
  row('24', 'Bắc Ninh', 'Bac Ninh', 'Bắc', 'Ninh', 4, 3),
  row('22', 'Quảng Ninh', 'Quang Ninh', 'Quảng', 'Ninh', 5, 3),
  row('37', 'Ninh Bình', 'Ninh Binh', 'Ninh', 'Bình', 3, 4),
  row('33', 'Hưng Yên', 'Hung Yen', 'Hưng', 'Yên', 4, 4),
  row('31', 'Hải Phòng', 'Hai Phong', 'Hải', 'Phòng', 5, 4),
  row('38', 'Thanh Hóa', 'Thanh Hoa', 'Thanh', 'Hóa', 3, 5),
  row('40', 'Nghệ An', 'Nghe An', 'Nghệ', 'An', 2, 6),
  row('42', 'Hà Tĩnh', 'Ha Tinh', 'Hà', 'Tĩnh', 3, 6),
  row('44', 'Quảng Trị', 'Quang Tri', 'Quảng', 'Trị', 3, 7),
  row('46', 'Huế', 'Hue', 'Huế', '', 4, 7),
  row('48', 'Đà Nẵng', 'Da Nang', 'Đà', 'Nẵng', 4, 8),
  row('51', 'Quảng Ngãi', 'Quang Ngai', 'Quảng', 'Ngãi', 4, 9),
  row('52', 'Gia Lai', 'Gia Lai', 'Gia', 'Lai', 4, 10),
  row('66', 'Đắk Lắk', 'Dak Lak', 'Đắk', 'Lắk', 4, 11),
  row('56', 'Khánh Hòa', 'Khanh Hoa', 'Khánh', 'Hòa', 5, 12),
  row('68', 'Lâm Đồng', 'Lam Dong', 'Lâm', 'Đồng', 4, 12),
  row('75', 'Đồng Nai', 'Dong Nai', 'Đồng', 'Nai', 3, 12),
  row('80', 'Tây Ninh', 'Tay Ninh', 'Tây', 'Ninh', 2, 12),
  row('79', 'Thành phố Hồ Chí Minh', 'Ho Chi Minh City', 'TP.', 'HCM', 3, 13),
  row('82', 'Đồng Tháp', 'Dong Thap', 'Đồng', 'Tháp', 2, 13),
  row('91', 'An Giang', 'An Giang', 'An', 'Giang', 1, 13),
  row('92', 'Cần Thơ', 'Can Tho', 'Cần', 'Thơ', 2, 14),
  row('86', 'Vĩnh Long', 'Vinh Long', 'Vĩnh', 'Long', 3, 14),
  row('96', 'Cà Mau', 'Ca Mau', 'Cà', 'Mau', 1, 14),
];

/** Both archipelagos, each a part of its province. */
export const archipelagos = [
  { province: '48', vi: 'Hoàng Sa', en: 'Hoang Sa', short: ['Hoàng', 'Sa'] as [string, string], column: 6, row: 8 },
  { province: '56', vi: 'Trường Sa', en: 'Truong Sa', short: ['Trường', 'Sa'] as [string, string], column: 6, row: 13 },
];

const byCode = new Map(provinces.map((province) => [province.code, province]));

export const provinceName = (code: string | null | undefined, language: 'vi' | 'en'): string => (code ? (byCode.get(code)?.[language] ?? code) : '—');
export const provincesByName = (language: 'vi' | 'en'): Province[] => [...provinces].sort((a, b) => a[language].localeCompare(b[language], language));
