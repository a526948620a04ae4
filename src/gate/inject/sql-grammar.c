// SPDX-License-Identifier: Apache-2.0
/* An attack goes on where the query it breaks into stops: behind a number, a string, a name or a variable, perhaps after a
 * parenthesis that it closes, comes something that makes the statement longer, and what comes is itself SQL. Prose and code fold
 * to tokens too, but to others: names upon names, strings without operators, lists.
 *
 * So there are two tables. A value that folds to five tokens was most likely cut there; what counts is that each token may
 * follow the three before it. The rows of 'rules' say what may follow what; they are the transitions seen when the families of
 * attacks (boolean, union, stacked, time, errors, comments; in all openings; MySQL, PostgreSQL, SQL Server, Oracle, SQLite) are
 * folded, as far as libinjection, whose verdict @detectSQLi stands for, calls the folded families attacks: agreeing with it is
 * the purpose (test-agreement.c measures it). A value with fewer tokens is complete, and little of that length can do harm: those
 * are listed in 'complete'.
 *
 * ^ is the beginning. The first token has letters of its own: V a number, a string or a variable, since attacks behind them are
 * the same; N a name, as prose begins with them, too; D, F and K what is E, f and k elsewhere, for statements that stand alone. */
#include "gate/inject/sql-grammar.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

struct row {
	const char *followers;
	const char *triples; /* parted by blanks */
};

/* clang-format off */
static const struct row rules[] = {
	{ "&", "ks)" },
	{ "&(),1;BETUfk", "Von" },
	{ "&(),1;BETUfkv", "Vos" },
	{ "&(),1;BUcfkos", "UEn" },
	{ "&(),1;BUcfkov", "UEs" },
	{ "&(),1BUfko", "^Dn" },
	{ "&(),1EUfo", "()n" },
	{ "&(),;ABETUfknsv", "Vo1" },
	{ "&(),;BETUfkos", "Vov" },
	{ "&(),;BUcfknos", "UEv" },
	{ "&(),;BUcfknosv", "UE1" },
	{ "&(),EU", "^1n" },
	{ "&()o", "D(n" },
	{ "&(,EU", "o1n" },
	{ "&(fns", "Vok" },
	{ "&)", "&(1 D(s" },
	{ "&),", "F(s" },
	{ "&),1;BEUk", "Nos" },
	{ "&),o", "o(1 o(n o(s" },
	{ "&)1Uk", "sos" },
	{ "&);BEUkos", "Nov" },
	{ "&);BTUfko", "V&s" },
	{ "&);BUck", ")o1 )on )os )ov" },
	{ "&)BUk", "Dkn" },
	{ "&)BUkn", "Dk1" },
	{ "&)Ukno", "^D1" },
	{ "&)Uko", "^Ds" },
	{ "&)Uo", "Dks ^Dv" },
	{ "&)o", "&(n &(s f(s" },
	{ "&,1;ABETUcfknosv", "(1)" },
	{ "&,1;ABETUfknosv", "F()" },
	{ "&,;BEUcfko", "o1) on)" },
	{ "&,;BEUfko", "^N) ^V) os) ov)" },
	{ "&,;BUko", "NB1 NBn VB1 VBn VBv" },
	{ "&,;Ucknos", "(n)" },
	{ "&,;Ucnos", "(s)" },
	{ "&1", "1os" },
	{ "&;", "Nkv" },
	{ "&;BEU", "Nk1 Vkn" },
	{ "&;BEUck", ")kn" },
	{ "&;BEUfo", "Vk)" },
	{ "&;BEUo", ")k1 )ks Vk1 Vks Vkv" },
	{ "&;BU", "Nkn" },
	{ "&;BUo", "VBs" },
	{ "&;EUo", ")kv" },
	{ "&;U", "so1" },
	{ "&;Uckno", ")B1" },
	{ "&;Ucko", ")Bn )Bv" },
	{ "&;Uco", ")Bs" },
	{ "&;Uo", "D1) NBs Nks" },
	{ "&Uco", "&1) &n)" },
	{ "&Uko", "Dn)" },
	{ "&Uo", "&s) &v) NBv" },
	{ "&ko", "kn)" },
	{ "&o", "Dkv Ds) Dv)" },
	{ "(", "&(f &1f &Ef &kf &nf &sf &vf ()f (Ef )&f )Bf )Ef )kf )of ,(f 1&f 1of ;Ef ;Tf ;To D(f D1k Dkf Dnf "
		"E(f Ekf F(f N&f N), N)f N,f NBf NEf NTf NTv NUo Nkf NoU Nof TEf Tnf U1, UEf Us, V&f V), V)f V,f "
		"V1f VAf VBf VEf VTf VTv VUf Vkf Vof Vsf Vvf ^&f ^DE ^Df ^Kf ^Nf ^Vf f(f k)f k)o n&f n(f n,f nEf "
		"nkf nof o(f o1f okf on, onf osf ovf ovo sof v)& vof" },
	{ "()1Ufnsv", "()k ^Nk ^Vk" },
	{ "()1ns", "o1k" },
	{ "(,1;ETcfknostv", ";Tn" },
	{ "(,;Tcfko", ";T1" },
	{ "(,;Tcfkot", ";Tv" },
	{ "(1", ")kB" },
	{ "(1;ETckos", "()U" },
	{ "(1;ETfknosv", "VTn" },
	{ "(1;Ekos", "o1U" },
	{ "(1;Tfknosv", "V;T" },
	{ "(1;fknosv", "N;T" },
	{ "(1;fknsv", "nUE" },
	{ "(1BUfnsv", "N)k V)k" },
	{ "(1ETfos", "^VU" },
	{ "(1EUfknsv", "o1& os& ov&" },
	{ "(1Efknsv", "()& ^N& ^V&" },
	{ "(1Efnsv", "()B" },
	{ "(1Eo", "osU" },
	{ "(1Eos", "^NU" },
	{ "(1Ufknosv", "()E ^VE" },
	{ "(1Ufknsv", "()o ^Vo on&" },
	{ "(1fk", "D(E" },
	{ "(1fkno", "&(E" },
	{ "(1fknosv", ");E );T NUE VUE o(E o1E" },
	{ "(1fknsv", ")UE N)E N;E V&E V)E V;E" },
	{ "(1fn", ")Ek 1nE BnB f(E" },
	{ "(1fnosv", "^NE" },
	{ "(1fnov", "onE" },
	{ "(1fns", "&1k &nB &nk ,(E B1B B1k Bnk Bs& Dso Eso U(E UEk Uso kv&" },
	{ "(1fnsv", "&1B &so (), Ato B1& Bn& Bv& N)& N)B N)o V)& V)B V)o ^Dk ^NB ^UE ^VB k)& k1& kn& knB knE ks& "
		"kso o1B" },
	{ "(1no", "F(E" },
	{ "(1ns", "&vk osk ovk" },
	{ "(1nsv", "()T o1T" },
	{ "(1s", "Uon k)E" },
	{ "(;Ec", "&1U &nU" },
	{ "(;Eknos", "NTn" },
	{ "(E", "&vU 1nU B1U N)U V)U VEU VoU knU ksU" },
	{ "(ETfnsv", "^VT" },
	{ "(ETfnv", "^NT" },
	{ "(Ufksv", "^No" },
	{ "(Uov", "on1" },
	{ "(f", "(1, B1, Bn, E1, VTE ^N, ^V, o1, os, ov, s)&" },
	{ "(fn", "Nok VEk n)&" },
	{ "(fnos", "V&k" },
	{ "(fns", "os1" },
	{ "(fs", "&vo Bvo D1o Dno Eno Vvo" },
	{ "(fsv", "&1o &no B1o Bno Tno U1o" },
	{ "(fv", "N1o" },
	{ "(n", "Dnk" },
	{ "(ns", "Ds&" },
	{ "(s", "Evo ^Tn k1o kvo" },
	{ "(sv", "E1o" },
	{ ")", "(Es ,(s B(1 D(1 E(1 E(n E(s K(1 K(n K(s Kf( T(n T(s T(v U(1 U(s f(o k(n k(s n(s n(v nBn o(v s&n" },
	{ "),", "F(n" },
	{ "),1", "nos" },
	{ "),o", "F(1 f(n" },
	{ ")1Efnos", "Df(" },
	{ ")1Efns", "&f( (f( Vf( ^F( of(" },
	{ ")1f", "1f( kf(" },
	{ ")1fn", "Bf( Tf( vf(" },
	{ ")1fns", ",f( Ef( Uf(" },
	{ ");BETUfko", "N&1 V&1 V&n" },
	{ ");BETUfkos", "V&v" },
	{ ");BUcfo", ")&1 )&n )&v" },
	{ ");BUco", ")&s" },
	{ ");BUfkos", "N&v" },
	{ ");Uck", "nkn" },
	{ ");Ufo", "N&n" },
	{ ");Uo", "N&s" },
	{ ");c", "k1n" },
	{ ")Efs", "Nf(" },
	{ ")k", "(E1 (En" },
	{ ")no", "f(1" },
	{ ")o", ",(1 ,(n k(1 n&n" },
	{ ",", "NU1" },
	{ ",;Ecko", ";En" },
	{ ",;Tcko", ";E1 ;Es ;Ev" },
	{ ",;cfko", ";Ts" },
	{ ",o", "VU1 VUs" },
	{ "1", "&ko (Ek (n( Af( BvB NB( TE( Tv( VB( k(E k1k kvB nE( nf( vo( vos" },
	{ "1Efns", ")&( N&( V&( V,( ^D(" },
	{ "1Efnsv", ")o( No( Vo(" },
	{ "1Efs", "N,(" },
	{ "1Efsv", "on(" },
	{ "1En", "(E(" },
	{ "1Ens", ";T( Dk( UE(" },
	{ "1Es", "NU( VU(" },
	{ "1Ufknosv", "f()" },
	{ "1f", "Knk" },
	{ "1fkns", "N&E" },
	{ "1fknsv", "kUE" },
	{ "1fknv", "1UE" },
	{ "1fn", "&E( &Ek &vB 1)o TnE sf(" },
	{ "1fns", ")k( ;E( D1& NE( VE( knk ksB" },
	{ "1fnsv", "),( )E(" },
	{ "1fsv", "1n(" },
	{ "1n", "&sB 1o( Bvk k)B k1B onB osB ovB" },
	{ "1nov", "osE" },
	{ "1ns", "&k( )B( E1k Vk( no( ok& ok(" },
	{ "1nsv", "Bso Nso" },
	{ "1s", "Nk( Tn( Tso vso" },
	{ ":", "N;n" },
	{ ";", "V1s" },
	{ ";E", "onU" },
	{ ";ETUo", "VEn" },
	{ ";TUo", "VEs" },
	{ ";U", "NE1" },
	{ ";Uo", "NEs VE1 VEv" },
	{ ";cko", "&E1 &En" },
	{ ";k", "sUE vUE" },
	{ ";o", "Dn1 Vvs" },
	{ "E", "&sU )U( )kU 1)U 1k( AtU BnU BsU BvU D1U DnU DsU DvU E1U Ekn EnU EsU EvU N1U NkU NsU Uo( V1U VkU "
		"VsU VvU ^U( ^V( k)U k1U kvU n)U nU( nk( o1( oU( os( ov( ovU s&(" },
	{ "ET", "N); V); ^V; k);" },
	{ "ETc", "&1; &n; &s; &v; k1; kn; ks; kv; os;" },
	{ "ETcn", "o1; on; ov;" },
	{ "ETn", "(); Tn; ^N;" },
	{ "Ens", "so(" },
	{ "T", "En; Es; Ev;" },
	{ "Tc", "1);" },
	{ "U", "1n) NEv ^&s ^Ns o1s" },
	{ "Uf", "^Vs" },
	{ "Ufos", "^Vv" },
	{ "Uk", "son" },
	{ "Unos", "()1" },
	{ "Uo", "()s NAt NEn VAt ^&1" },
	{ "Uos", "()v" },
	{ "Us", "1ov nov sov" },
	{ "c", "1s; ;T; B1; Bn; Bs; Bv; Tkn Tnv n1; nE1 okn okv vs;" },
	{ "co", "&Es &vs )E1 )En )Es )Ev Tn1 Tnn Tns nEn" },
	{ "f", "(n, (s, )f( 1n& 1n, Bv, DE( Dn, ^&( n1o" },
	{ "fk", "EUE" },
	{ "fkn", "ksE" },
	{ "fn", "V(E ovE" },
	{ "fns", ";Tk Dn& UTn" },
	{ "fs", "^V1" },
	{ "fst", "^VA" },
	{ "fsv", "n)o" },
	{ "k", "&kn (Eo NEo TTn VEo ^;T ^Kn skn" },
	{ "kn", "&1E &vE UEo oUE" },
	{ "n", "&1T &nE &nT &sT &vT (n& ;Ek ;TT DnB Dok Dsk EU( Ek( EnE EnT Enk Eok EsT Esk Evk N&k NTE NTT TEn "
		"Tnk VTT VUT VUo ^K( n)k onT osT" },
	{ "ns", "&sk (s& k1E" },
	{ "nsv", "NT( VT(" },
	{ "o", "&ks 1&1 1&s VAs VTs ^&n ^N1 n&s n(1 nk1 ovs s&s v&s" },
	{ "os", "o1v" },
	{ "s", "&s& (no (so 1vo Aso Dn( Dv& v)o" },
	{ "st", "()A" },
	{ "sv", "TnT" },
	{ "t", ";n: ^NA o1A" },
	{ "v", "ovT" },

};

/* Up to four tokens: the first is one of 'followers', the rest one of 'triples'. */
static const struct row complete[] = {
	{ "1", "&1U osU sv" },
	{ "1E", "vs" },
	{ "1Unsv", "E1c Esc Evc" },
	{ "1Usv", "Enc" },
	{ "1n", "&Ev" },
	{ "1ns", ")Bs )Bv ov; ovc" },
	{ "1nsv", "&1 &1; &1c &E1 &kc &s; &sc &v &v; &vc &vs )&1 )&n )&s )&v )B1 )Bn )os )ov ;T; B1 B1; B1c Bn; "
		"Bnc Bs Bs; Bsc Bv Bv; Bvc U1c U; U;c UE1 UEn UEs UEv Uc Usc c k1c kn ks ks; ksc kv; kvc os; osc" },
	{ "1s", "&Es &nU ov" },
	{ "1sv", "&En &n; &nc &s &s1 )c )o1 Bn UE k1; kn; knc" },
	{ "1v", "U" },
	{ "E", "1) 1); 1)c 1n; kn1 kvs n1;" },
	{ "Ens", "1sc" },
	{ "Es", "1nc" },
	{ "T", "ns;" },
	{ "U", "E1 E1; En; Es Es; Ev Ev;" },
	{ "f", "()U ()c (1) (n) (s)" },
	{ "ns", "1vc" },
	{ "s", "1s; 1v Uvc o1; o1U o1c on; onU ovU vs; vsc" },
	{ "sv", "&n os" },
	{ "v", ")on" },

};
/* clang-format on */

/* What three types of memory cannot tell apart: attacks that the rules miss, and others that they would see. */
static const char also[] = "nf(1) &(1)o &(s)o n&nks UE1;c UEv;c Eoknk";
static const char spared[] = "1)knk n)knk s)knk v)knk &f(E1 n;Tkn nkn&n f(s);";

static const char alphabet[] = "^VNDFK1snvfEUBTAkot&c(),;:";

#define LETTERS (sizeof(alphabet) - 1)

static uint8_t codes[128]; /* one more than the place in the alphabet, 0: not in it */
static uint32_t follow[LETTERS][LETTERS][LETTERS]; /* bits by code */
static uint32_t beginnings[LETTERS + 1]; /* by the first type, bits by the second: with which complete attacks begin */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static size_t code(char type)
{
	return codes[type & 127];
}

/* The letter of the first token. */
static char opening(const char *types)
{
	switch (types[0]) {
	case '1':
	case 's':
	case 'v':
		return types[1] == 'n' ? types[0] : 'V';
	case 'n':
		return 'N';
	case 'E':
		return 'D';
	case 'f':
		return 'F';
	case 'k':
		return 'K';
	default:
		return types[0];
	}
}

static void lay_out(void)
{
	for (size_t i = 0; i < LETTERS; i++)
		codes[(uint8_t)alphabet[i]] = (uint8_t)(i + 1);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint32_t bits = 0;

		for (const char *type = rules[i].followers; *type; type++)
			bits |= UINT32_C(1) << code(*type);
		for (const char *triple = rules[i].triples; *triple; triple += triple[3] == ' ' ? 4 : 3)
			follow[code(triple[0]) - 1][code(triple[1]) - 1][code(triple[2]) - 1] = bits;
	}
	for (size_t i = 0; i < sizeof(complete) / sizeof(complete[0]); i++) {
		for (const char *type = complete[i].followers; *type; type++) {
			const char *rest = complete[i].triples;

			for (bool begins = true; *rest; begins = *rest++ == ' ') {
				if (begins)
					beginnings[code(*type)] |= UINT32_C(1) << code(*rest);
			}
		}
	}
}

static bool list_has(const char *list, const char *word, size_t size)
{
	while (*list) {
		size_t same = 0;

		while (same < size && list[same] == word[same])
			same++;
		if (same == size && (list[same] == ' ' || list[same] == '\0'))
			return true;
		while (*list && *list != ' ')
			list++;
		list += *list == ' ';
	}
	return false;
}

static bool is_complete_attack(const char *types, size_t count)
{
	if ((beginnings[code(types[0])] & UINT32_C(1) << code(types[1])) == 0)
		return false;
	for (size_t i = 0; i < sizeof(complete) / sizeof(complete[0]); i++) {
		if (strchr(complete[i].followers, types[0]) && list_has(complete[i].triples, types + 1, count - 1))
			return true;
	}
	return false;
}

static bool follows_rules(const char *types)
{
	size_t path[6] = { code('^'), code(opening(types)) };

	for (size_t i = 2; i < 6; i++)
		path[i] = code(types[i - 1]);
	for (size_t i = 0; i < 3; i++) {
		if (path[i + 1] == 0 || path[i + 2] == 0 || path[i + 3] == 0 ||
			(follow[path[i] - 1][path[i + 1] - 1][path[i + 2] - 1] & UINT32_C(1) << path[i + 3]) == 0)
			return false;
	}
	return true;
}

bool sql_grammar_is_attack(const char *types, size_t count)
{
	if (count < 2)
		return false;
	pthread_once(&once, lay_out);
	if (count < 5)
		return is_complete_attack(types, count);
	return follows_rules(types) ? !list_has(spared, types, count) : list_has(also, types, count);
}
